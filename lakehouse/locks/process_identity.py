"""Whether a process is still the one that it was: by pid, start and machine, without any wall clock."""

import os
import socket
from pathlib import Path


def machine() -> str:
    """What a pid of this process means something in: host, and on Linux the boot and the pid namespace."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        namespace = os.readlink("/proc/self/ns/pid")
    except OSError:
        boot = namespace = ""
    return f"{socket.gethostname()} {boot} {namespace}".strip()


def runs(pid: int) -> bool:
    """Whether there is a live process of that pid, whichever it is. One that has ended and was not reaped is dead."""
    import psutil

    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True


def identity(pid: int) -> str | None:
    """Tells a process from any other that has the same pid, on any machine; None where there is none."""
    if not runs(pid):
        return None
    started = _started(pid)
    return f"{pid} started {started} on {machine()}" if started else None


def is_alive(known: str) -> bool:
    """Whether the process of an `identity` still runs here."""
    return identity(pid_of(known)) == known


def pid_of(known: str) -> int:
    """The pid in an `identity`."""
    return int(known.partition(" ")[0])


def _started(pid: int) -> str | None:
    """When it started, in clock ticks since the boot; where the system does not say that, in wall time."""
    import psutil

    table = Path("/proc")
    try:
        if (table / "self" / "stat").exists():
            # The 22nd field; the second, the name in brackets, may hold spaces (man 5 proc_pid_stat).
            return (table / str(pid) / "stat").read_text().rpartition(")")[2].split()[19]
        return str(psutil.Process(pid).create_time())
    except (OSError, psutil.Error):
        return None
