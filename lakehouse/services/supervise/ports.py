"""Loopback ports: which are free, and who holds one that is not."""

import random
import socket

import psutil

from lakehouse.services.supervise import peers

# Below the range from which systems take the ports of outgoing connections, so that a restart finds its port free.
_RANGE = range(15_000, 32_000)


def is_free(port: int) -> bool:
    """Whether a server could listen on the port, on any address of this machine."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("", port))
        except OSError:
            return False
    return True


def choose(taken: set[int]) -> int:
    """A free port that is not among `taken`."""
    return next(port for port in random.sample(_RANGE, len(_RANGE)) if port not in taken and is_free(port))


def listener(port: int) -> psutil.Process | None:
    """The process of this user that listens on the port, as far as it can be seen."""
    for process in psutil.process_iter():
        try:
            connections = process.net_connections(kind="tcp")
        except psutil.Error:
            continue
        if any(c.status == psutil.CONN_LISTEN and c.laddr.port == port for c in connections):
            return process
    return None


def holder(port: int) -> str:
    """Words for who listens on the port."""
    process = listener(port)
    if process is None:
        names = peers.strangers(port)
        return f"a process of {names}" if names else "another user's process, or one that has just ended"
    try:
        return f"process {process.pid} ({' '.join(process.cmdline())[:80] or process.name()})"
    except psutil.Error:
        return f"process {process.pid}"
