"""Types as DDL writes them: one spelling for each, Delta's own words for them, and what Delta can widen in place."""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from lakehouse.declare.sql_text import quote_name
from lakehouse.errors import DeclarationError, near_miss

# The words of Spark's schema JSON that DDL writes otherwise (Delta protocol, "Primitive Types").
_JSON_WORDS = {"integer": "int", "long": "bigint", "short": "smallint", "byte": "tinyint"}
# Where Spark keeps the declared length of a char or varchar, which Delta stores as a string.
_CHAR = "__CHAR_VARCHAR_TYPE_STRING"

# What Delta 4.4 widened when each pair was tried.
_WIDER = {
    "tinyint": ("smallint", "int", "bigint", "double"),
    "smallint": ("int", "bigint", "double"),
    "int": ("bigint", "double"),
    "float": ("double",),
    "date": ("timestamp_ntz",),
}
# To a decimal: the digits before the point that it must have.
_DIGITS = {"tinyint": 10, "smallint": 10, "int": 10, "bigint": 20}


@lru_cache(maxsize=4096)
def canonical(ddl: str) -> str:
    """A type in one spelling: `STRUCT<a: Integer>` is `struct<a:int>`. NOT NULL and comments inside are left out.

    Raises:
        DeclarationError: it is no type that a table can have.
    """
    from lakehouse.declare.spark_types import WORDS, spelled

    try:
        return spelled(ddl)
    except ValueError:
        known = {word.lower() for word in WORDS}
        unknown = next((word for word in re.findall(r"[a-z_]+", ddl.lower()) if word not in known), "")
        hint = near_miss(unknown, sorted(known)) if unknown else None
        raise DeclarationError(
            f"`{ddl}` is no type of Spark that a table can have"
            + (f" (did you mean `{hint}`?)" if hint else "")
            + ". A column says NOT NULL by `nullable=False` and its comment by `comment`; a collation, geometry and "
            "geography are not kept by Delta."
        ) from None


@lru_cache(maxsize=4096)
def without_lengths(ddl: str) -> str:
    """A type as frames have it: a `char` or `varchar` of a table is a `string` in every computation of Spark."""
    # Most types have none, and then sqlglot need not be imported.
    if "char" not in ddl.lower():
        return ddl
    from lakehouse.declare.spark_types import spelled

    return spelled(canonical(ddl), with_lengths=False)


def longer_than_declared(ddl: str, value: str) -> str:
    """SQL that is true if a text of `value` is longer than its `char` or `varchar` says; empty if it has none."""
    if "char" not in ddl.lower():
        return ""
    from lakehouse.declare.spark_types import too_long

    return too_long(canonical(ddl), value)


def from_json(type_: str | Mapping[str, Any], metadata: Mapping[str, Any] | None = None) -> str:
    """A type of a schema's JSON, as Delta stores it and Spark has it for frames, in the spelling of `canonical`.

    Args:
        type_: A word, or the JSON of a nested type.
        metadata: Of the field, for the length of a char or varchar.
    """
    declared = (metadata or {}).get(_CHAR)
    if declared:
        return canonical(str(declared))
    if isinstance(type_, str):
        return _JSON_WORDS.get(type_, type_)
    if type_["type"] == "array":
        return f"array<{from_json(type_['elementType'])}>"
    if type_["type"] == "map":
        return f"map<{from_json(type_['keyType'])},{from_json(type_['valueType'])}>"
    if type_["type"] == "udt":
        return from_json(type_["sqlType"])
    fields = (f"{field_name(field['name'])}:{from_json(field['type'], field['metadata'])}" for field in type_["fields"])
    return f"struct<{','.join(fields)}>"


def field_name(name: str) -> str:
    """The name of a field as it stands in a type: in backquotes if it is not a plain word."""
    return name if re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII) else quote_name(name)


def is_wider(stored: str, declared: str) -> bool:
    """Whether Delta's type widening turns `stored` into `declared`, both canonical, without rewriting a file."""
    if declared in _WIDER.get(stored, ()):
        return True
    to = _digits(declared)
    if to is None:
        return False
    at = _digits(stored)
    if at is None:
        return stored in _DIGITS and to[0] >= _DIGITS[stored]
    return to[0] >= at[0] and to[1] >= at[1] and to != at


def _digits(decimal: str) -> tuple[int, int] | None:
    """Digits before and after the point of a decimal; None for another type."""
    sizes = re.fullmatch(r"decimal\((\d+),(\d+)\)", decimal)
    return (int(sizes[1]) - int(sizes[2]), int(sizes[2])) if sizes else None
