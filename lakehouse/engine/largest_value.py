"""The largest text or binary value that the engine is given: what is larger is refused before it is copied.

An engine with a heap of 2 GB reads a line of 200 MB and ends at one of 400 MB: a value is there several times while it
is read, sorted and written, in each of several tasks.
"""

from typing import TYPE_CHECKING

from lakehouse.declare.sql_text import literal, quote

if TYPE_CHECKING:
    from pyspark.errors import PySparkException
    from pyspark.sql import DataFrame

LARGEST_VALUE_BYTES = 64 * 2**20
_TYPES = ("string", "binary")
_MARK = "lakehouse: a value is too large: "


def bounded(frame: "DataFrame") -> "DataFrame":
    """A frame that fails at the first text or binary value that is too large. Values in parts of others pass."""
    from pyspark.sql import functions as F

    types = dict(frame.dtypes)
    if len(types) < len(frame.columns):  # a name twice: the shape check tells it
        return frame
    checked = {name: F.expr(within_limit(name, of, name)) for name, of in types.items() if of in _TYPES}
    return frame.withColumns(checked) if checked else frame


def within_limit(name: str, type_: str, place: str) -> str:
    """SQL: a column, text or binary, that fails where a value is too large; `place` is what the error calls it."""
    column, error = quote(name), f"raise_error({literal(_MARK + place)})"
    return f"IF(octet_length({column}) > {LARGEST_VALUE_BYTES}, CAST({error} AS {type_}), {column})"


def too_large(error: "PySparkException") -> str | None:
    """The column in which a value was too large, if that is what an error says."""
    given = (error.getMessageParameters() or {}).get("errorMessage", "")
    return given.removeprefix(_MARK) if given.startswith(_MARK) else None
