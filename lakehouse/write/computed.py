"""An error of the engine while a table is made: in the house's words, with the state that the table was left in."""

from collections.abc import Iterator
from contextlib import contextmanager

from lakehouse.delta.history import version_of
from lakehouse.engine.failure import in_our_words
from lakehouse.errors import state_of
from lakehouse.workspace import Workspace
from lakehouse.write.intent import open_intent


@contextmanager
def computed(workspace: Workspace, name: str) -> Iterator[None]:
    """Turn an error of the engine into one that says what became of the run.

    Args:
        workspace: The workspace.
        name: `layer.entities`.

    Raises:
        ComputationError: a value, a name or a file cannot be computed.
        ServiceError: the engine ended meanwhile.
    """
    with in_our_words(workspace, lambda: not_written(workspace, name)):
        yield


def not_written(workspace: Workspace, name: str) -> str:
    """Words for a run that was cut off: what is there now, and what becomes of what it has decided."""
    version = version_of(workspace, name)
    if open_intent(workspace, name) is None:
        return f"{name} was not written, {state_of(version)}"
    state = state_of(None) if version is None else f"it is whole at version {version}"
    return f"{name} was not written to the end, {state}, and what this run decided stands, for the next one to finish"
