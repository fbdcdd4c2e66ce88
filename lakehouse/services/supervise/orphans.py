"""Finds the processes that a workspace started, by a mark in their environment, also those that supervisord lost."""

from pathlib import Path

import psutil

from lakehouse.services.supervise.launch import MARK

GRACE_SECONDS = 10


def started_by(home: Path) -> list[psutil.Process]:
    """All live processes of this user that the workspace at `home` started, without this one and what started it."""
    me = psutil.Process()
    mine = {me.pid, *(parent.pid for parent in me.parents())}
    processes = []
    for process in psutil.process_iter():
        try:
            if process.pid not in mine and process.environ().get(MARK) == str(home):
                processes.append(process)
        except (psutil.Error, OSError):
            continue  # another user's, or gone meanwhile
    return processes


def end(processes: list[psutil.Process], *, at_once: bool = False) -> None:
    """End these and wait until they are gone; what does not end, or all of it at once, is killed."""
    for process in () if at_once else processes:
        _signal(process, "terminate")
    _, stubborn = psutil.wait_procs(processes, timeout=0 if at_once else GRACE_SECONDS)
    for process in stubborn:
        _signal(process, "kill")
    psutil.wait_procs(stubborn, timeout=GRACE_SECONDS)


def _signal(process: psutil.Process, how: str) -> None:
    try:
        getattr(process, how)()
    except psutil.NoSuchProcess:
        return
