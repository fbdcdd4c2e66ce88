"""A lock of a workspace by name, and who holds it. The system frees it when its process ends."""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from getpass import getuser
from typing import TYPE_CHECKING

from lakehouse.errors import LakehouseError
from lakehouse.locks.private_lock import SHARED_MODE, private_folder, private_lock
from lakehouse.storage import PRIVATE_MODE, write_private_json
from lakehouse.workspace import Workspace

if TYPE_CHECKING:
    from filelock import BaseFileLock

FOLDER = "locks"


class HeldError(Exception):
    """The lock was held for all the time that was waited. Never leaves this room."""

    def __init__(self, holder: str) -> None:
        """Takes who holds it, in words."""
        super().__init__(holder)
        self.holder = holder


@contextmanager
def named_lock(
    workspace: Workspace,
    name: str,
    what: str,
    wait_s: float,
    say: Callable[[str], object] | None = None,
    *,
    patience_s: float = 0,
) -> Iterator[None]:
    """Hold a lock against other threads and processes of this machine.

    Args:
        workspace: The workspace.
        name: Of the lock.
        what: What it is held for, in words that another user understands.
        wait_s: How long to wait for a holder, in seconds.
        say: Told who holds it, if there is somebody to wait for.
        patience_s: For so long nothing is said.

    Raises:
        HeldError: it was held for all that time.
        LakehouseError: the locks of the workspace are another user's.
    """
    from filelock import Timeout

    lock, holder = _lock(workspace, name), workspace.home / FOLDER / f"{name}.holder.json"
    quiet_s = min(patience_s, wait_s) if say else wait_s
    try:
        lock.acquire(timeout=quiet_s)
    except Timeout:
        if say is None or wait_s <= 0:
            raise HeldError(_holder(holder)) from None
        say(_holder(holder))
        try:
            lock.acquire(timeout=wait_s - quiet_s)
        except Timeout:
            raise HeldError(_holder(holder)) from None
    since = datetime.now(UTC).isoformat("T", "seconds")
    try:
        said = {"what": what, "pid": os.getpid(), "user": _user(), "since": since}
        write_private_json(holder, said, SHARED_MODE if workspace.settings.group else PRIVATE_MODE)
        yield
    finally:
        with suppress(FileNotFoundError):
            holder.unlink()
        lock.release()


def _lock(workspace: Workspace, name: str) -> "BaseFileLock":
    folder = workspace.folder(FOLDER)
    try:
        if workspace.settings.group:
            return private_lock(folder / f"{name}.lock", poll_interval=0.02, mode=SHARED_MODE)
        return private_lock(private_folder(folder) / f"{name}.lock", poll_interval=0.02)
    except PermissionError as error:
        raise LakehouseError(
            f"{folder} is another user's, who could hold its locks. Nothing was done. Work as its owner, or in a "
            f"workspace of your own (LAKEHOUSE_HOME)."
        ) from error


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
