"""The lock of a table: one writer of this workspace at a time. The system frees it when its process ends."""

from contextlib import AbstractContextManager

from lakehouse.locks.file_lock import file_lock
from lakehouse.workspace import Workspace

WAIT_S = 900.0


def table_lock(workspace: Workspace, name: str, wait_s: float = WAIT_S) -> AbstractContextManager[None]:
    """Hold the lock of a table against other threads and processes of this workspace.

    Args:
        workspace: The workspace.
        name: `layer.entities`.
        wait_s: How long to wait for a holder, in seconds.

    Raises:
        WorkspaceBusyError: it was held for all that time; the message names the holder.
    """
    return file_lock(
        workspace.locks,
        name,
        f"a writer of {name}",
        wait_seconds=wait_s,
        busy=lambda holder: (
            f"{name} was not written: process {holder.pid if holder else 'unknown'} has been writing it since "
            f"{holder.since if holder else 'an unknown time'} (UTC). Wait for it, or end it if it hangs; what it has "
            f"decided is finished by the next run."
        ),
    )
