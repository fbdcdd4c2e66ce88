"""An error that nobody has foreseen: said without its text, which may hold values of the data; a log has it."""

import os
import sys
import traceback
from pathlib import Path

# Beside the servers' logs, so that `lakehouse logs command` shows it.
LOG = "command.log"


def told(error: Exception) -> str:
    """What ended a command, where, and which log has the rest. The log holds the last such error, for its owner."""
    frames = traceback.extract_tb(error.__traceback__)
    project, log = _places()
    own = [frame for frame in frames if project and Path(frame.filename).is_relative_to(project / "assets")]
    place = f" ({own[-1].filename}, line {own[-1].lineno})" if own else ""
    if log is None or not _is_written(log, "".join(traceback.format_exception(error))):
        return f"ended by {type(error).__name__}{place}. Its text may hold values of the data and is not shown."
    return (
        f"ended by {type(error).__name__}{place}. Its text may hold values of the data and is not shown: "
        f"`lakehouse logs command -n 200` has it, with all that led to it."
    )


def _places() -> tuple[Path | None, Path | None]:
    """The folder of the project, and the log; nothing if the settings cannot be read."""
    from lakehouse.errors import LakehouseError
    from lakehouse.workspace import current_workspace

    try:
        workspace = current_workspace()
    except LakehouseError:
        return None, None
    return workspace.settings.project, workspace.logs / LOG


def _is_written(log: Path, text: str) -> bool:
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", errors="replace") as stream:
            stream.write(f"{' '.join(sys.argv[:2])}\n{text}")
    except OSError:
        return False
    return True
