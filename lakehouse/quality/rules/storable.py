"""What no table can hold, whatever its rules: text that is no UTF-8, and dates and times outside the years 1 to 9999.

Spark reads the first from any file and makes the second of a typo such as `20224-03-01`, and publishes both; Arrow,
delta-rs and Python then fail on the whole table. Parquet's text is UTF-8
(https://github.com/apache/parquet-format/blob/master/LogicalTypes.md), Python's dates end with 9999.
"""

from lakehouse.declare.sql_text import quote, quote_field
from lakehouse.declare.types import is_in_parts, parts_of

_OUTSIDE = {
    "string": "NOT is_valid_utf8({})",
    "date": "{} NOT BETWEEN DATE'0001-01-01' AND DATE'9999-12-31'",
    "timestamp": "{} NOT BETWEEN TIMESTAMP'0001-01-01T00:00:00Z' AND TIMESTAMP'9999-12-31T23:59:59.999999Z'",
    "timestamp_ntz": (
        "{} NOT BETWEEN TIMESTAMP_NTZ'0001-01-01T00:00:00' AND TIMESTAMP_NTZ'9999-12-31T23:59:59.999999'"
    ),
}


def unstorable(name: str, type_: str) -> str | None:
    """SQL, null or true or false: whether a column's value cannot be stored; None if each of its type can.

    Args:
        name: Of the column.
        type_: Its canonical type.
    """
    return _unstorable(quote(name), type_, 0)


def unstorable_value(expression: str, type_: str) -> str | None:
    """The same for an expression of a type."""
    return _unstorable(f"({expression})", type_, 0)


def as_text(name: str, type_: str) -> str:
    """SQL: a value that cannot be stored, as text that can: bytes of a text in base64, a date as Spark writes it."""
    column = quote(name)
    if type_ == "string":
        return f"base64(CAST({column} AS binary))"
    return f"base64(CAST(to_json({column}) AS binary))" if is_in_parts(type_) else f"CAST({column} AS string)"


def _unstorable(value: str, type_: str, depth: int) -> str | None:
    if not is_in_parts(type_):
        return _OUTSIDE[type_].format(value) if type_ in _OUTSIDE else None
    kind, parts = parts_of(type_)
    element = f"v{depth}"
    if kind == "struct":
        conditions = [_unstorable(f"{value}.{quote_field(field)}", of, depth) for field, of in parts]
    elif kind == "array":
        conditions = [_any(value, element, _unstorable(element, parts[0][1], depth + 1))]
    else:
        conditions = [_any(f"map_{name}s({value})", element, _unstorable(element, of, depth + 1)) for name, of in parts]
    # Of a null struct or element nothing is outside.
    held = [f"coalesce({condition}, false)" for condition in conditions if condition]
    return f"({' OR '.join(held)})" if held else None


def _any(values: str, element: str, condition: str | None) -> str | None:
    return condition and f"exists({values}, {element} -> coalesce({condition}, false))"
