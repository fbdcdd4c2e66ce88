"""The lock of a table: one writer of this workspace at a time."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from lakehouse.errors import WorkspaceBusyError
from lakehouse.locks.named_lock import HeldError, named_lock
from lakehouse.workspace import Workspace

WAIT_S = 900.0
# Nobody needs to hear of a wait that is over by then.
_PATIENCE_S = 1.0


def say_on_stderr(message: str) -> None:
    """Say it where it is no part of an answer."""
    print(message, file=sys.stderr, flush=True)


@contextmanager
def table_lock(
    workspace: Workspace,
    name: str,
    wait_s: float = WAIT_S,
    *,
    what: str = "",
    say: Callable[[str], object] = say_on_stderr,
) -> Iterator[None]:
    """Hold the lock of a table against other threads and processes of this workspace.

    Args:
        workspace: The workspace.
        name: `layer.entities`.
        wait_s: How long to wait for a holder, in seconds.
        what: What it is held for, in words that another user understands; "a writer" of the table if not given.
        say: Told once who holds it, if there is somebody to wait for.

    Raises:
        WorkspaceBusyError: it was held for all that time; the message names the holder.
    """

    def told(holder: str) -> None:
        say(f"{name} is being written by {holder}; waiting for it.")

    try:
        with named_lock(workspace, name, what or f"a writer of {name}", wait_s, told, patience_s=_PATIENCE_S):
            yield
    except HeldError as error:
        raise WorkspaceBusyError(
            f"{name} was not written: {error.holder} has been writing it for {wait_s:.0f} s or more. Wait for it, or "
            f"end it if it hangs; what it has decided is finished by the next run."
        ) from None


@contextmanager
def creation_lock(workspace: Workspace, name: str) -> Iterator[None]:
    """Hold the creation of a table or database: the holder of a table's lock asks for it, others for `ops`.

    Args:
        workspace: The workspace.
        name: `layer.entities`, or `layer` for a database.

    Raises:
        WorkspaceBusyError: another has been creating it for too long; the message names it.
    """

    def told(holder: str) -> None:
        say_on_stderr(f"{name} is held by {holder}; waiting for it.")

    try:
        with named_lock(workspace, f"{name}.creation", f"the creation of {name}", WAIT_S, told, patience_s=_PATIENCE_S):
            yield
    except HeldError as error:
        raise WorkspaceBusyError(
            f"{name} was not created: it is held by {error.holder}, for {WAIT_S:.0f} s or more. Wait for it, or end "
            f"it if it hangs; the next run goes on."
        ) from None
