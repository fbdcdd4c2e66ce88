"""Rows as JSON from which each value can be made again: what a person changed can be put back bit by bit.

Spark's own `to_json` cuts times to milliseconds and writes the keys of maps by their memory. Here times have their
microseconds, and a map is a list of its entries. The rest is exact as Spark writes it: decimals with all their digits,
floating point by its shortest text, `NaN` and the infinities as text, binary in base64.
"""

from collections.abc import Mapping, Sequence

from lakehouse.declare.names import helper
from lakehouse.declare.sql_text import literal, quote, quote_field
from lakehouse.declare.types import is_in_parts, parts_of

# Says of a JSON object that it was written so.
FORM = helper("form")
_OPTIONS = (
    "'timestampFormat', 'yyyy-MM-dd\\'T\\'HH:mm:ss.SSSSSSXXX', 'timestampNTZFormat', 'yyyy-MM-dd\\'T\\'HH:mm:ss.SSSSSS'"
)


def exact_json(types: Mapping[str, str]) -> str:
    """SQL: a row as a JSON object.

    Args:
        types: Of the row's columns by name, each in its one spelling.
    """
    fields = ", ".join(f"{_entries(quote(name), type_, 0)} AS {quote(name)}" for name, type_ in types.items())
    return f"to_json(struct({fields}, 1 AS {quote(FORM)}), map('ignoreNullFields', 'false', {_OPTIONS}))"


def is_exact(text: str) -> str:
    """SQL: whether a text is JSON of `exact_json`.

    Args:
        text: SQL that gives it.
    """
    return f"coalesce(array_contains(json_object_keys({text}), {literal(FORM)}), false)"


def value_of(text: str, name: str, type_: str) -> str:
    """SQL: the value of one column in JSON of `exact_json`; the column as it is if the JSON does not have it.

    Args:
        text: SQL that gives the JSON.
        name: Of the column.
        type_: Its type, in the one spelling.
    """
    schema = f"{quote_field(name)} {_type(type_)}"
    read = f"from_json({text}, {literal(schema)}, map('mode', 'FAILFAST', {_OPTIONS})).{quote_field(name)}"
    there = f"array_contains(json_object_keys({text}), {literal(name)})"
    return f"IF({there}, {_value(read, type_, 0)}, {quote(name)})"


def _type(type_: str) -> str:
    """A type with lists of entries for its maps."""
    if not is_in_parts(type_):
        return type_
    kind, parts = parts_of(type_)
    if kind == "map":
        return f"array<struct<key:{_type(parts[0][1])},value:{_type(parts[1][1])}>>"
    if kind == "array":
        return f"array<{_type(parts[0][1])}>"
    return f"struct<{','.join(f'{quote_field(name)}:{_type(of)}' for name, of in parts)}>"


def _has_map(type_: str) -> bool:
    return _type(type_) != type_


def _entries(value: str, type_: str, depth: int) -> str:
    """A value with lists of entries for its maps."""
    if not _has_map(type_):
        return value
    kind, parts = parts_of(type_)
    one = f"v{depth}"
    if kind == "array":
        return f"transform({value}, {one} -> {_entries(one, parts[0][1], depth + 1)})"
    if kind == "struct":
        return _struct(value, [(name, _entries(f"{value}.{quote_field(name)}", of, depth)) for name, of in parts])
    key, held = _entries(f"{one}.key", parts[0][1], depth + 1), _entries(f"{one}.value", parts[1][1], depth + 1)
    return f"transform(map_entries({value}), {one} -> named_struct('key', {key}, 'value', {held}))"


def _value(read: str, type_: str, depth: int) -> str:
    """The opposite of `_entries`."""
    if not _has_map(type_):
        return read
    kind, parts = parts_of(type_)
    one = f"v{depth}"
    if kind == "array":
        return f"transform({read}, {one} -> {_value(one, parts[0][1], depth + 1)})"
    if kind == "struct":
        return _struct(read, [(name, _value(f"{read}.{quote_field(name)}", of, depth)) for name, of in parts])
    key, held = _value(f"{one}.key", parts[0][1], depth + 1), _value(f"{one}.value", parts[1][1], depth + 1)
    return f"map_from_entries(transform({read}, {one} -> struct({key}, {held})))"


def _struct(value: str, fields: Sequence[tuple[str, str]]) -> str:
    parts = ", ".join(f"{literal(name)}, {sql}" for name, sql in fields)
    return f"IF({value} IS NULL, NULL, named_struct({parts}))"
