"""SQL expressions that a person gives: read alone before they become part of a statement."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lakehouse.engine.failure import condition_of
from lakehouse.errors import LakehouseError

if TYPE_CHECKING:
    from pyspark.errors import PySparkException
    from pyspark.sql import DataFrame

# "Data exception" in the SQL standard, whose classes Spark's errors have: a value cannot be cast, divided, or held.
_OF_THE_DATA = "22"
# Of TASK_WRITE_FAILED.
_WHILE_WRITING = "58030"

# What an expression says that was given a check of its values.
NO_VALUE = "a value that no table can hold"
# What is said of a fix that did not keep all of what was there.
NO_FORM = "a fix of an older release, which did not keep times and maps exactly"


class _NoExpressionError(Exception):
    """Not one expression, or one with a query in it."""


def alone(frame: "DataFrame", sql: str) -> str:
    """An expression in brackets, once it is known to be one: whole, over the columns of a frame, without a query in it.

    The engine's own parser reads it to its end, so no bracket of it closes one of the statement's, and it says which
    columns there are. The closing bracket stands on a line of its own, which no comment reaches. To be used below
    `understood`, which tells what is wrong with it.

    Args:
        frame: What has the columns that may be named, and no others.
        sql: The expression.
    """
    import sqlglot
    from pyspark.sql import functions as F
    from sqlglot import exp

    try:
        tree = sqlglot.parse_one(f"SELECT {sql}\n", dialect="spark")
    except sqlglot.errors.SqlglotError:
        raise _NoExpressionError("not SQL") from None
    if any(part is not tree for part in tree.find_all(exp.Query, exp.Table, exp.From)):
        raise _NoExpressionError("a query in an expression")
    # Asking for the schema analyses the plan and starts no job.
    _ = frame.select(F.expr(sql)).schema
    return f"({sql}\n)"


@contextmanager
def understood(doing: str, columns: str) -> Iterator[None]:
    """What is wrong with an expression, without the values that it, or a row that it was computed for, may hold.

    Args:
        doing: What was not done, as in `silver.orders was not changed`.
        columns: Which it may name.

    Raises:
        LakehouseError: the expression cannot be used, or not for each row.
    """
    from pyspark.errors import AnalysisException, ParseException, PySparkException

    try:
        yield
    except (AnalysisException, ParseException, _NoExpressionError) as error:
        reason = str(error) if isinstance(error, _NoExpressionError) else error.getCondition() or "not SQL"
        raise LakehouseError(
            f"{doing}: the condition or expression cannot be used ({reason}). "
            f"It is one SQL expression, without a query in it, over the columns {columns}."
        ) from None
    except PySparkException as error:
        if NO_VALUE in str(error):
            raise LakehouseError(
                f"{doing}: the expression gives {NO_VALUE}: text that is no UTF-8, or a date or time outside the "
                f"years 1 to 9999. Use decode(..., 'ISO-8859-1'), say, or to_date(...) with the right pattern."
            ) from None
        if NO_FORM in str(error):
            raise LakehouseError(
                f"{doing}: a row has {NO_FORM}. What it has kept is in `_fixes`: fix the columns by their values there."
            ) from None
        if not _is_of_the_data(error):
            raise
        raise LakehouseError(
            f"{doing}: the condition or expression fails for a row ({condition_of(error)}). "
            f"Leave such rows out by the condition, or use a function that gives null instead, such as try_cast."
        ) from None


def _is_of_the_data(error: "PySparkException") -> bool:
    """Whether a value could not be computed. An error while rows are written has its cause in its trace alone."""
    state = error.getSqlState() or ""
    return state.startswith(_OF_THE_DATA) or (state == _WHILE_WRITING and f"SQLSTATE: {_OF_THE_DATA}" in str(error))
