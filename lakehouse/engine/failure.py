"""What the engine or a project's function could not do, in words: what kind of error, where, and what to do.

The text of such an error may hold values of the data. What is said instead is Spark's name of the error, names of
columns and tables, and places in the project's code.
"""

import re
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from lakehouse.engine.largest_value import LARGEST_VALUE_BYTES, too_large
from lakehouse.errors import ComputationError, LakehouseError, ServiceError, ValueTooLargeError
from lakehouse.services.supervise.channel import strangers_at
from lakehouse.services.supervise.peers import REMEDY
from lakehouse.workspace import Workspace

if TYPE_CHECKING:
    from pyspark.errors import PySparkException

# Errors whose words are about code. Those of others may hold values that the code has read.
OF_CODE = (ImportError, SyntaxError, NameError, AttributeError)
_LIBRARY = Path(__file__).parents[1]
# Parameters of Spark's messages that are names, as its error-conditions.json uses them.
_NAMES = {
    "objectName": "",
    "name": "",
    "columnName": "",
    "fieldName": "",
    "relationName": "",
    "routineName": "",
    "invalidColumnNames": "",
    "column": "column ",
    "proposal": "there are ",
    "expectedType": "expected ",
    "actualType": "got ",
    "path": "in ",
}
_TRY = "Mend the source, leave such rows out, or use a function that gives null instead: try_cast, try_divide, try_add."
# By Spark's condition, of which a beginning is enough.
_ADVICE = {
    "CAST_": f"A value is not of the type that it is cast to. {_TRY}",
    "CANNOT_PARSE_": f"A text is no date or time of the pattern. {_TRY}",
    "DIVIDE_BY_ZERO": f"A number is divided by 0. {_TRY}",
    "REMAINDER_BY_ZERO": f"A number is divided by 0. {_TRY}",
    "ARITHMETIC_OVERFLOW": f"A number is too large for its type. {_TRY}",
    "BINARY_ARITHMETIC_OVERFLOW": f"A number is too large for its type. {_TRY}",
    "NUMERIC_VALUE_OUT_OF_RANGE": f"A number is too large for its type. {_TRY}",
    "USER_RAISED_EXCEPTION": "The code refuses a row by raise_error. Mend the source, or leave such rows out.",
    "AMBIGUOUS_": "Two frames of a join have this column. Name the one that is meant, as `left.id`, or rename one.",
    "COLUMN_ALREADY_EXISTS": "A frame has this column twice. Rename one, or drop it.",
    "UNRESOLVED_COLUMN": "The frame has no such column. Mend the name.",
    "TABLE_OR_VIEW_NOT_FOUND": "There is no such table. Read tables by `reads=`, which are made before.",
    "FAILED_READ_FILE.PARQUET_COLUMN_DATA_TYPE_MISMATCH": (
        "The file has another type than the schema that it is read by. Write the file anew with the declared type, or "
        "declare the type that it has."
    ),
    "FAILED_READ_FILE": "The file cannot be read. Take it away, or put a whole one in its place.",
    "INVALID_SCHEMA_OR_RELATION_NAME": "The metastore takes letters without accents, digits and `_` in names.",
    "DELTA_INVALID_CHARACTERS_IN_COLUMN_NAMES": "Rename the columns: no blank, no comma, no bracket, no `=`.",
}
_OF_DATA = f"A value of a row cannot be computed. {_TRY}"
_OF_NAMES = "Mend the code that names columns, tables or functions."
_ELSE = "`lakehouse logs spark` has what the engine says of it."
# Of the conditions that Spark gives to whatever fails while files are written; the cause stands in the trace alone.
_WHILE_WRITING = "58030"
_CAUSE = re.compile(r"\[(?P<condition>[A-Z][A-Z0-9_.]+)\]")
# A session that its server does not know any more: it ended, or was started anew.
_GONE = (
    "NO_ACTIVE_SESSION",
    "INVALID_HANDLE.SESSION_CHANGED",
    "INVALID_HANDLE.SESSION_CLOSED",
    "INVALID_HANDLE.SESSION_NOT_FOUND",
    "RESPONSE_ALREADY_RECEIVED",
)
_FRAME = re.compile(r'  File "(?P<file>[^"\n]+)", line (?P<line>\d+), in ')
_KIND = re.compile(r"(?P<kind>[A-Za-z_][\w.]*)(?::|$)")


def failure_of(error: Exception, workspace: Workspace, doing: str) -> LakehouseError:
    """What an error of the engine, or of a project's function, is in this library's words.

    Args:
        error: Of pyspark, or of whatever the function calls. One of this library is given back as it is.
        workspace: Where.
        doing: What was not done and what is there now, as in `silver.orders was not changed`.
    """
    from pyspark.errors import PySparkException, PythonException

    if isinstance(error, LakehouseError):
        return error
    if isinstance(error, PySparkException) and is_gone(error, workspace):
        return _lost(workspace, doing)
    project = workspace.settings.project
    if isinstance(error, PythonException):
        kind, place = _of_worker(str(error), project)
        return ComputationError(doing, kind, f"{kind} in a function of the project{place}", _in_function(place))
    place = place_of(error, project)
    if not isinstance(error, PySparkException):
        kind = type(error).__name__
        words = f"{kind}: {error}" if isinstance(error, OF_CODE) else kind
        return ComputationError(doing, kind, f"{words} in a function of the project{place}", _in_function(place))
    condition = condition_of(error)
    large = too_large(error)
    if large is not None:
        return ValueTooLargeError(doing, large, LARGEST_VALUE_BYTES)
    names = ", ".join(_names_in(error))
    reason = f"the engine cannot compute it ({condition}{f': {names}' if names else ''}){place}"
    return ComputationError(doing, condition, reason, _advice(condition, error.getSqlState() or "", place))


@contextmanager
def in_our_words(workspace: Workspace, doing: Callable[[], str]) -> Iterator[None]:
    """Turn what the engine says into this library's words.

    Args:
        workspace: Where.
        doing: Gives, once it is known that it failed, what was not done and what is there now.

    Raises:
        ComputationError: a value, a name or a file cannot be computed.
        ServiceError: the engine ended meanwhile.
    """
    try:
        yield
    except Exception as error:
        from pyspark.errors import PySparkException

        if not isinstance(error, PySparkException):
            raise
        raise failure_of(error, workspace, doing()) from None


def is_gone(error: "PySparkException", workspace: Workspace) -> bool:
    """Whether an error comes of a server that has ended, or has been started anew, under a session of it."""
    from pyspark.errors import PySparkAssertionError

    code = getattr(error, "getGrpcStatusCode", lambda: None)()
    if getattr(code, "name", "") == "UNAVAILABLE" or error.getCondition() in _GONE:
        return True
    is_taken_down = not workspace.settings.spark.remote and "spark" not in workspace.services()
    # An assertion of the client: the answer comes of another server than the one before.
    return is_taken_down or isinstance(error, PySparkAssertionError)


def _lost(workspace: Workspace, doing: str) -> ServiceError:
    holders = strangers_at(workspace)
    if holders:
        return ServiceError(
            f"{doing}: the engine ended meanwhile, and its port is held by a process of {holders}, which was sent no "
            f"token.\n{REMEDY}\nThen do it again: what was decided is finished by the next run."
        )
    if workspace.settings.spark.remote:
        how = "the engine that LAKEHOUSE_SPARK__REMOTE names does not answer any more, or was started anew"
        what = "See to it"
    elif "spark" not in workspace.services():
        how = f"the engine of {workspace.home} was taken down (`lakehouse down`) meanwhile"
        what = "Run `lakehouse up`"
    else:
        how = f"the engine of {workspace.home} ended meanwhile and is started anew (`lakehouse logs spark` says why)"
        what = "See `lakehouse status`"
    return ServiceError(f"{doing}: {how}.\n{what}, then do it again: what was decided is finished by the next run.")


def condition_of(error: "PySparkException") -> str:
    """Spark's name of an error; of the cause, where that alone says something and we know it."""
    condition = error.getCondition() or type(error).__name__
    if (error.getSqlState() or "") == _WHILE_WRITING:
        # A text in square brackets may as well be a value: what we have advice for is no value.
        causes = [match["condition"] for match in _CAUSE.finditer(str(error))]
        return next((cause for cause in reversed(causes) if _known(cause)), condition)
    return condition


def _known(condition: str) -> str | None:
    return next((advice for begin, advice in _ADVICE.items() if condition.startswith(begin)), None)


def _advice(condition: str, state: str, place: str) -> str:
    # What pyspark refuses before it asks the engine has no state.
    by_state = {"22": _OF_DATA, "42": _OF_NAMES} | ({"": "Mend it there."} if place else {})
    return _known(condition) or by_state.get(state[:2], _ELSE)


def _names_in(error: "PySparkException") -> Iterator[str]:
    """The names in the parameters of an error's message; of one about a value none. Of a path no partition's value."""
    is_of_data = (error.getSqlState() or "").startswith("22")
    given = {} if is_of_data else error.getMessageParameters() or {}
    for parameter, words in _NAMES.items():
        if given.get(parameter):
            yield words + re.sub(r"=[^/]*", "=...", given[parameter].removeprefix("file://"))


def _in_function(place: str) -> str:
    return f"Mend {'it there' if place else 'the function'}: its text may hold values of the data and is not shown."


def place_of(error: BaseException, project: Path) -> str:
    """Where in a project's code an error came from, as `, FILE, line N`; empty where that is not known."""
    frames = [(frame.filename, frame.lineno or 0) for frame in traceback.extract_tb(error.__traceback__)]
    for context in getattr(error, "getQueryContext", list)() or []:
        # What a frame was told in the project, and was computed later.
        if context.contextType().name == "DataFrame":
            file, _, line = context.callSite().rpartition(":")
            frames += [(file, int(line))] if line.isdigit() else []
    return _last_own(frames, project)


def _last_own(frames: list[tuple[str, int]], project: Path) -> str:
    own = [(file, line) for file, line in frames if _is_own(Path(file), project)]
    return f", {own[-1][0]}, line {own[-1][1]}" if own else ""


def _is_own(file: Path, project: Path) -> bool:
    is_installed = {"site-packages", "dist-packages"} & set(file.parts)
    return file.is_relative_to(project) and not file.is_relative_to(_LIBRARY) and not is_installed


def _of_worker(text: str, project: Path) -> tuple[str, str]:
    """The kind of an error in a Python worker, and the place in the project, from its first traceback.

    The words of the error come after its kind, and may look like anything.
    """
    lines = text.partition("Traceback (most recent call last):\n")[2].splitlines()
    frames: list[tuple[str, int]] = []
    for line in lines:
        frame = _FRAME.match(line)
        if frame:
            frames.append((frame["file"], int(frame["line"])))
        elif not line.startswith("    "):
            kind = _KIND.match(line)
            return kind["kind"] if kind else "an error", _last_own(frames, project)
    return "an error", ""
