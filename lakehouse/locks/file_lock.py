"""A lock that one process of a workspace holds, by a file. The system frees it when the process ends.

What it is held for, by whom and since when stands in a file beside it, for those who wait.
"""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from getpass import getuser
from pathlib import Path

from lakehouse.errors import WorkspaceBusyError

_POLL_SECONDS = 0.02


@dataclass(frozen=True)
class LockHolder:
    """Who holds a lock.

    Args:
        what: What it is held for, in words that another user understands.
        pid: Of the process.
        user: Its user.
        since: When it took the lock, UTC, ISO 8601.
    """

    what: str
    pid: int
    user: str
    since: str

    def __str__(self) -> str:
        """Words for people."""
        return f"{self.what} (pid {self.pid}, user {self.user}, since {self.since})"


@contextmanager
def file_lock(
    folder: Path,
    name: str,
    what: str,
    *,
    wait_seconds: float,
    busy: Callable[[LockHolder | None], str],
    waiting: Callable[[LockHolder | None], object] = lambda _: None,
) -> Iterator[None]:
    """Hold a lock against other threads and processes.

    Args:
        folder: Where locks are; made if it is not there.
        name: Of the lock.
        what: What it is held for.
        wait_seconds: How long to wait for the present holder.
        busy: The error's message, from the holder; None if that is not known.
        waiting: Told once who holds it, if somebody does.

    Raises:
        WorkspaceBusyError: it was held for all that time.
    """
    from filelock import FileLock, Timeout

    folder.mkdir(parents=True, exist_ok=True)
    lock, note = FileLock(folder / f"{name}.lock"), folder / f"{name}.json"
    try:
        lock.acquire(timeout=0)
    except Timeout:
        waiting(_holder(note))
        try:
            lock.acquire(timeout=wait_seconds, poll_interval=_POLL_SECONDS)
        except Timeout:
            raise WorkspaceBusyError(busy(_holder(note))) from None
    try:
        here = LockHolder(what, os.getpid(), getuser(), datetime.now(UTC).isoformat(timespec="seconds"))
        note.write_text(json.dumps(asdict(here)))
        yield
    finally:
        with suppress(FileNotFoundError):
            note.unlink()
        lock.release()


def _holder(note: Path) -> LockHolder | None:
    """Who holds the lock; None in the moments in which that is not written yet or any more."""
    try:
        return LockHolder(**json.loads(note.read_text()))
    except (FileNotFoundError, ValueError, TypeError):
        return None
