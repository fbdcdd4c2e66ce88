"""An error that nobody has foreseen: said without its text, which may hold values of the data; a log has it."""

import os
import sys
import traceback
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lakehouse.workspace import Workspace

# Beside the servers' logs, so that `lakehouse logs command` shows it.
LOG = "command.log"


def told(error: Exception) -> str:
    """What ended a command, where, and which log has the rest. The log holds the last such error, for its owner."""
    from lakehouse.errors import LakehouseError
    from lakehouse.workspace import current_workspace

    try:
        workspace = current_workspace()
    except LakehouseError:  # the settings cannot be read
        return f"ended by {type(error).__name__}. Its text may hold values of the data and is not shown."
    return f"{_words(error, workspace)}{_kept(error, workspace)}"


def with_log(error: Exception) -> str:
    """The message of a foreseen error; where another one stands behind it, that is kept in the log, and the log named.

    A computation's own error may hold values of the data, which its owner wants to see.
    """
    from lakehouse.errors import ComputationError
    from lakehouse.workspace import current_workspace

    behind = error.__context__
    if not isinstance(error, ComputationError) or not isinstance(behind, Exception):
        return str(error)
    return f"{error}{_kept(behind, current_workspace())}"


def _words(error: Exception, workspace: "Workspace") -> str:
    """The kind and the place; of an engine's error also its name. No text of it."""
    from lakehouse.engine.failure import failure_of, place_of

    if "pyspark" in sys.modules:
        from pyspark.errors import PySparkException

        if isinstance(error, PySparkException):
            return str(failure_of(error, workspace, "not done to the end"))
    place = place_of(error, workspace.settings.project)
    return f"ended by {type(error).__name__}{place}. Its text may hold values of the data and is not shown."


def _kept(error: Exception, workspace: "Workspace") -> str:
    """Write an error with all that led to it into a log; gives the words that name it."""
    if not _is_written(workspace, "".join(traceback.format_exception(error))):
        return ""
    return "\n`lakehouse logs command -n 200` has the error with its text, and all that led to it."


def _is_written(workspace: "Workspace", text: str) -> bool:
    from lakehouse.errors import LakehouseError

    try:
        log = workspace.folder(workspace.logs.name) / LOG
        with os.fdopen(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", errors="replace") as stream:
            stream.write(f"{' '.join(sys.argv[:2])}\n{text}")
    except (LakehouseError, OSError):
        return False
    return True
