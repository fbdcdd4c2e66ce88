"""SQL that makes the values of columns comparable: maps, which have no equality, as their entries in one order."""

from collections.abc import Iterable

from lakehouse.declare.column import Column
from lakehouse.declare.sql_text import quote, quote_field
from lakehouse.declare.types import parts_of


def comparable_struct(columns: Iterable[Column], *more: str) -> str:
    """SQL: a struct that is equal (`<=>`) for two rows if each column, and each of `more` SQL, is the same in both."""
    return f"struct({', '.join([*(comparable(quote(c.name), c.type) for c in columns), *more])})"


def comparable(value: str, type_: str, depth: int = 0) -> str:
    """SQL: a value with which `value` of a canonical type can be compared; the value itself, but for maps in it."""
    if "map<" not in type_:
        return value
    kind, parts = parts_of(type_)
    element = f"v{depth}"
    if kind == "struct":
        fields = ", ".join(comparable(f"{value}.{quote_field(field)}", of, depth) for field, of in parts)
        return f"if({value} IS NULL, NULL, struct({fields}))"
    if kind == "array":
        return f"transform({value}, {element} -> {comparable(element, parts[0][1], depth + 1)})"
    (_, keys), (_, values) = parts
    key, held = (comparable(f"{element}.{name}", of, depth + 1) for name, of in (("key", keys), ("value", values)))
    return f"array_sort(transform(map_entries({value}), {element} -> struct({key} AS k, {held} AS v)))"
