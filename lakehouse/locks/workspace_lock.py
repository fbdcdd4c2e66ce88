"""Who holds the workspace: one run at a time, the others wait and are told for whom."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from lakehouse.errors import WorkspaceBusyError
from lakehouse.locks.named_lock import HeldError, named_lock
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

    def told(holder: str) -> None:
        say(f"{workspace.home} is held by {holder}; waiting for it.")

    try:
        with named_lock(workspace, "workspace", what, wait_seconds, told):
            yield
    except HeldError as error:
        raise WorkspaceBusyError(
            f"{workspace.home} is still held by {error.holder} after {wait_seconds:.0f} s. "
            f"Nothing was done. Try again when it has finished, or end that process."
        ) from None
