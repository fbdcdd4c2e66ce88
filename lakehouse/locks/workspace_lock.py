"""The lock of a workspace: one run of the whole chain at a time, the others wait and are told for whom."""

from collections.abc import Callable
from contextlib import AbstractContextManager

from lakehouse.locks.file_lock import file_lock
from lakehouse.workspace import Workspace


def workspace_lock(
    workspace: Workspace, what: str, *, wait_seconds: float = 600, say: Callable[[str], object] = print
) -> AbstractContextManager[None]:
    """Hold the workspace for a run of the whole chain.

    Args:
        workspace: The workspace.
        what: What it is held for, in words that another user understands.
        wait_seconds: How long to wait for the present holder.
        say: Told once, when there is somebody to wait for.

    Raises:
        WorkspaceBusyError: the holder did not finish in time.
    """
    return file_lock(
        workspace.locks,
        "workspace",
        what,
        wait_seconds=wait_seconds,
        busy=lambda holder: (
            f"{workspace.home} is still held by {holder or 'another process'} after {wait_seconds:.0f} s. "
            f"Nothing was done. Try again when it has finished, or end that process."
        ),
        waiting=lambda holder: say(f"{workspace.home} is held by {holder or 'another process'}; waiting for it."),
    )
