"""The processes of a workspace: jars and Java for them, and a supervisor that keeps them up."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lakehouse.workspace import Workspace

__all__ = ["down", "up"]


def _silent(_: str) -> None:
    """Tell nobody."""


def up(workspace: "Workspace", parts: Iterable[str] = (), *, tell: Callable[[str], None] = _silent) -> None:
    """Have the metastore and the engine, and what `parts` name ("ui", "sql"); return when all answer.

    Harmless when they do. What a setting names as somebody else's is not started.

    Raises:
        ServiceError: a service does not start or does not answer; what this call started is stopped again.
        CodeLocationError: Dagster cannot load the project; all that was started stays up.
        DownloadError: jars or archives could not be fetched.
    """
    from lakehouse.services import lifecycle

    lifecycle.up(workspace, parts, tell=tell)


def down(workspace: "Workspace", *, tell: Callable[[str], None] = _silent) -> None:
    """Stop everything that the workspace started, and wait until it is gone. Harmless when nothing runs."""
    from lakehouse.services import lifecycle

    lifecycle.down(workspace, tell=tell)
