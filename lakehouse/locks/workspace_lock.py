"""Who holds the workspace: one run at a time, the others wait and are told for whom."""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from getpass import getuser

from lakehouse.errors import WorkspaceBusyError
from lakehouse.workspace import Workspace


@contextmanager
def workspace_lock(
    workspace: Workspace, what: str, *, wait_seconds: float = 600, say: Callable[[str], object] = print
) -> Iterator[None]:
    """Hold the workspace for a run of the whole chain.

    Args:
        workspace: The workspace.
        what: What it is held for, in words that another user understands.
        wait_seconds: How long to wait for the present holder.
        say: Told once, when there is somebody to wait for.

    Raises:
        WorkspaceBusyError: the holder did not finish in time.
    """
    from filelock import FileLock, Timeout

    folder = workspace.home / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    lock, holder = FileLock(folder / "workspace.lock"), folder / "workspace.holder.json"
    try:
        lock.acquire(timeout=0)
    except Timeout:
        say(f"{workspace.home} is held by {_holder(holder)}; waiting for it.")
        try:
            lock.acquire(timeout=wait_seconds)
        except Timeout:
            raise WorkspaceBusyError(
                f"{workspace.home} is still held by {_holder(holder)} after {wait_seconds:.0f} s. "
                f"Nothing was done. Try again when it has finished, or end that process."
            ) from None
    try:
        holder.write_text(
            json.dumps(
                {
                    "what": what,
                    "pid": os.getpid(),
                    "user": getuser(),
                    "since": datetime.now(UTC).isoformat("T", "seconds"),
                }
            )
        )
        yield
    finally:
        with suppress(FileNotFoundError):
            holder.unlink()
        lock.release()


def _holder(file: os.PathLike[str]) -> str:
    try:
        with open(file) as stream:
            found = json.load(stream)
    except (FileNotFoundError, ValueError):
        return "another process"
    return f"{found['what']} (pid {found['pid']}, user {found['user']}, since {found['since']})"
