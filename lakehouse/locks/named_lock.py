"""A lock of a workspace by name, and who holds it. The system frees it when its process ends."""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from getpass import getuser

from lakehouse.workspace import Workspace


class HeldError(Exception):
    """The lock was held for all the time that was waited. Never leaves this room."""

    def __init__(self, holder: str) -> None:
        """Takes who holds it, in words."""
        super().__init__(holder)
        self.holder = holder


@contextmanager
def named_lock(
    workspace: Workspace, name: str, what: str, wait_s: float, say: Callable[[str], object] | None = None
) -> Iterator[None]:
    """Hold a lock against other threads and processes of this machine.

    Args:
        workspace: The workspace.
        name: Of the lock.
        what: What it is held for, in words that another user understands.
        wait_s: How long to wait for a holder, in seconds.
        say: Told who holds it, if there is somebody to wait for.

    Raises:
        HeldError: it was held for all that time.
    """
    from filelock import FileLock, Timeout

    folder = workspace.home / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    lock, holder = FileLock(folder / f"{name}.lock", poll_interval=0.02), folder / f"{name}.holder.json"
    try:
        lock.acquire(timeout=0 if say else wait_s)
    except Timeout:
        if say is None:
            raise HeldError(_holder(holder)) from None
        say(_holder(holder))
        try:
            lock.acquire(timeout=wait_s)
        except Timeout:
            raise HeldError(_holder(holder)) from None
    since = datetime.now(UTC).isoformat("T", "seconds")
    try:
        holder.write_text(json.dumps({"what": what, "pid": os.getpid(), "user": _user(), "since": since}))
        yield
    finally:
        with suppress(FileNotFoundError):
            holder.unlink()
        lock.release()


def _user() -> str:
    """The user's name; a container may run as one that has none."""
    try:
        return getuser()
    except (KeyError, OSError):
        return f"id {os.getuid()}"


def _holder(file: os.PathLike[str]) -> str:
    try:
        with open(file) as stream:
            holder = json.load(stream)
    except (FileNotFoundError, ValueError):
        return "another process"
    return f"{holder['what']} (pid {holder['pid']}, user {holder['user']}, since {holder['since']})"
