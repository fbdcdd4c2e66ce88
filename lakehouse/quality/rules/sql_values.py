"""Types and literals: what GX's arguments mean in Spark SQL, in the same types that GX gives to `F.lit`."""

import math
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

from lakehouse.declare.sql_text import literal as string_literal
from lakehouse.declare.sql_text import quote

_FAMILIES = {
    "tinyint": "integral", "smallint": "integral", "int": "integral", "bigint": "integral", "float": "fractional",
    "double": "fractional", "decimal": "decimal", "string": "string", "date": "date", "timestamp": "timestamp",
    "boolean": "boolean",
}  # fmt: skip
NUMERIC = frozenset(("integral", "fractional", "decimal"))
SIMPLE = NUMERIC | {"string", "date", "timestamp", "boolean"}
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}\Z")
_DATETIME = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}(\.\d{1,6})?(Z|[+-]\d{2}:\d{2})?\Z")
_LONG = 2**63


class NotCompiledError(Exception):
    """The one-pass form of an expectation could differ from GX; the message is the reason. Never leaves this room."""


def family_of(sql_type: str) -> str:
    """The family of a canonical type: integral, fractional, decimal, string, date, timestamp, boolean or other."""
    return _FAMILIES.get(sql_type.partition("(")[0], "other")


def column_of(columns: Mapping[str, str], name: Any, families: frozenset[str] = SIMPLE) -> tuple[str, str]:
    """A column's quoted name and its family.

    Raises:
        NotCompiledError: there is no such column, or its type is not among `families`.
    """
    if not isinstance(name, str) or name not in columns:
        raise NotCompiledError("the column is not there, or is a field within one")
    family = family_of(columns[name])
    if family not in families:
        raise NotCompiledError(f"a column of type {columns[name]}")
    return quote(name), family


def literal(value: Any) -> str:
    """A literal of the type that `F.lit` gives a Python value."""
    if value is None or isinstance(value, bool):
        return {None: "NULL", True: "true", False: "false"}[value]
    if isinstance(value, str):
        return string_literal(value)
    if isinstance(value, date):
        return _moment(value)
    if isinstance(value, int) and -_LONG < value < _LONG:
        return f"{value}" if -(2**31) < value < 2**31 else f"{value}L"
    if isinstance(value, float) and math.isfinite(value):
        return f"{value!r}D"
    raise NotCompiledError(f"an argument of type {type(value).__name__} that SQL cannot write")


def _moment(value: date) -> str:
    if not isinstance(value, datetime):
        return f"DATE'{value.isoformat()}'"
    # A naive time is taken as UTC here; GX takes it in the time zone of its own process.
    moment = value.astimezone(UTC) if value.tzinfo else value
    return f"TIMESTAMP'{moment.replace(tzinfo=None).isoformat(sep=' ')}Z'"


def comparable(value: Any) -> float | date | datetime | None:
    """A bound as GX's pydantic models read it from JSON: a number first, then a date, then a time."""
    if value is None or isinstance(value, int | float):
        return None if value is None else float(value)
    if isinstance(value, str):
        if _DATE.match(value):
            return date.fromisoformat(value)
        if _DATETIME.match(value):
            return datetime.fromisoformat(value)
    raise NotCompiledError("a bound that is neither a number nor an ISO date or time")


def bounds(kwargs: Mapping[str, Any]) -> tuple[Any, Any]:
    """`min_value` and `max_value`, read by `comparable`, of one kind and in order."""
    low: Any
    high: Any
    try:
        low, high = comparable(kwargs.get("min_value")), comparable(kwargs.get("max_value"))
    except ValueError:
        raise NotCompiledError("a bound that is no date") from None
    kinds = {(type(bound), getattr(bound, "tzinfo", None) is None) for bound in (low, high) if bound is not None}
    if len(kinds) > 1:
        raise NotCompiledError("bounds of two kinds")
    if low is not None and high is not None and low > high:
        raise NotCompiledError("min_value is greater than max_value")
    return low, high


def fits(value: Any, family: str) -> bool:
    """Whether a value of a set can be compared with a column of the family without a cast that could fail."""
    if value is None:
        return True
    if isinstance(value, bool):
        return family == "boolean"
    if isinstance(value, int | float):
        return family in NUMERIC
    return isinstance(value, str) and (family == "string" or _is_moment(value, family))


def _is_moment(value: str, family: str) -> bool:
    try:
        if family == "date":
            return bool(_DATE.match(value) and date.fromisoformat(value))
        return bool(family == "timestamp" and _DATETIME.match(value) and datetime.fromisoformat(value))
    except ValueError:
        return False


def members(values: Any, family: str) -> Sequence[Any]:
    """The values of a set, all of them comparable with the family.

    Raises:
        NotCompiledError: no list, an empty one, or a value of another family.
    """
    if not isinstance(values, list) or not values:
        raise NotCompiledError("an empty set, or none")
    if not all(fits(value, family) for value in values):
        raise NotCompiledError("a value of the set has another type than the column")
    return values
