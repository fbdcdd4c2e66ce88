"""The lock of a table: one writer of this workspace at a time."""

from collections.abc import Iterator
from contextlib import contextmanager

from lakehouse.errors import WorkspaceBusyError
from lakehouse.locks.named_lock import HeldError, named_lock
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
    try:
        with named_lock(workspace, name, f"a writer of {name}", wait_s):
            yield
    except HeldError as error:
        raise WorkspaceBusyError(
            f"{name} was not written: {error.holder} has been writing it for {wait_s:.0f} s or more. Wait for it, or "
            f"end it if it hangs; what it has decided is finished by the next run."
        ) from None


@contextmanager
def creation_lock(workspace: Workspace, name: str) -> Iterator[None]:
    """Hold the creation of a table, which the holder of its lock asks for, or a writer of another table (`ops`).

    Args:
        workspace: The workspace.
        name: `layer.entities`.

    Raises:
        WorkspaceBusyError: another has been creating it for too long; the message names it.
    """
    try:
        with named_lock(workspace, f"{name}.creation", f"the creation of {name}", WAIT_S):
            yield
    except HeldError as error:
        raise WorkspaceBusyError(
            f"{name} was not created: it is held by {error.holder}, for {WAIT_S:.0f} s or more. Wait for it, or end "
            f"it if it hangs; the next run goes on."
        ) from None
