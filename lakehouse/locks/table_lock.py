"""The lock of a table: one writer of this workspace at a time. The system frees it when its process ends."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime

from lakehouse.errors import WorkspaceBusyError
from lakehouse.workspace import Workspace

WAIT_S = 900.0


@contextmanager
def table_lock(workspace: Workspace, name: str, wait_s: float = WAIT_S) -> Iterator[None]:
    """Hold the lock of a table against other threads and processes of this workspace.

    Args:
        workspace: The workspace.
        name: `layer.entities`.
        wait_s: How long to wait for a holder, in seconds.

    Raises:
        WorkspaceBusyError: it was held for all that time; the message names the holder.
    """
    from filelock import FileLock, Timeout

    folder = workspace.home / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    holder = folder / f"{name}.json"
    try:
        with FileLock(folder / f"{name}.lock", timeout=wait_s, poll_interval=0.02):
            holder.write_text(
                json.dumps({"pid": os.getpid(), "since": datetime.now(UTC).isoformat(timespec="seconds")})
            )
            yield
    except Timeout:
        found: dict[str, object] = {}
        with suppress(FileNotFoundError, ValueError):
            found = json.loads(holder.read_text())
        raise WorkspaceBusyError(
            f"{name} was not written: process {found.get('pid', 'unknown')} has been writing it since "
            f"{found.get('since', 'an unknown time')} (UTC). Wait for it, or end it if it hangs; what it has decided "
            f"is finished by the next run."
        ) from None
