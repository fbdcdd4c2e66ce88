"""Types as DDL writes them: one spelling for each, Delta's own words for them, and what Delta can widen in place.

A `Column` holds its type in that spelling, and everything else compares the spellings: the door's shape check, `plan`
and `apply`.
"""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from lakehouse.declare.refused_types import REFUSED_TYPES
from lakehouse.declare.sql_text import quote_field
from lakehouse.errors import DeclarationError, near_miss

# Each word for a type without parts, and the one that is used: those that all engines read, at each place of a type.
# Outside: Spark's SQL reference, "Data Types".
WORDS = {
    "boolean": "boolean",
    "tinyint": "tinyint",
    "byte": "tinyint",
    "smallint": "smallint",
    "short": "smallint",
    "int": "int",
    "integer": "int",
    "bigint": "bigint",
    "long": "bigint",
    "float": "float",
    "real": "float",
    "double": "double",
    "decimal": "decimal(10,0)",
    "dec": "decimal(10,0)",
    "numeric": "decimal(10,0)",
    "string": "string",
    "binary": "binary",
    "date": "date",
    "timestamp": "timestamp",
    "timestamp_ltz": "timestamp",
    "timestamp with local time zone": "timestamp",
    "timestamp_ntz": "timestamp_ntz",
    "timestamp without time zone": "timestamp_ntz",
}
# Words of other systems.
_INSTEAD = {
    "bool": "declare `boolean`",
    "text": "declare `string`",
    "datetime": "declare `timestamp`",
}
_LISTED = "boolean, tinyint, smallint, int, bigint, float, double, decimal(p,s), string, binary, date, timestamp, " + (
    "timestamp_ntz, array<...>, map<...,...> or struct<name:type,...>"
)
_QUOTED = re.compile(r"`(?:[^`]|``)*`")
NO_COLLATION = "a collation is not kept: declare `string`, and compare by `lower(...)` or `collate(...)`"
# Where Spark keeps the declared length of a char or varchar, which Delta stores as a string, and collations.
_CHAR = "__CHAR_VARCHAR_TYPE_STRING"
_COLLATIONS = "__COLLATIONS"

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


@cache
def canonical(ddl: str) -> str:
    """A type in one spelling, which Spark reads too; names of fields keep their case.

    `STRUCT<a: Integer, b dec>` is `struct<a:int,b:decimal(10,0)>`.

    Raises:
        DeclarationError: Spark has no such type, or a table here cannot hold it.
    """
    word = ddl.strip().lower()
    if word in WORDS:
        return WORDS[word]
    from lakehouse.declare.type_grammar import parse

    try:
        return parse(ddl)
    except DeclarationError as error:
        raise DeclarationError(f"type `{ddl}`: {_way_out(word) or f'{error}.'} A type is one of {_LISTED}.") from None


def _way_out(ddl: str) -> str:
    """What to declare instead of a type that is known and not taken, or is nearly one that is."""
    word = re.match(r"\w*", ddl)
    first = word[0] if word else ""
    if re.search(r"\bnot\s+null\s*\Z", ddl):
        return "say `nullable=False` in the column instead of NOT NULL in its type."
    if re.search(r"\bcollate\s+\w+\s*\Z", ddl):
        return f"{NO_COLLATION}."
    if first in _INSTEAD:
        return f"{_INSTEAD[first]}."
    # A field may have such a word as its name, or as part of it.
    unquoted = _QUOTED.sub("name", ddl)
    for refused, reason in REFUSED_TYPES.items():
        if re.search(rf"(?:\A|[<,]\s*\w+\s+|[<,:]\s*){refused}\b(?!\s*:)", unquoted):
            return f"{reason.instead}."
    near = (
        near_miss(first, [*WORDS, "array", "map", "struct"])
        if first not in (*WORDS, "array", "map", "struct")
        else None
    )
    return f"did you mean `{near}`?" if near else ""


def from_json(type_: str | Mapping[str, Any], metadata: Mapping[str, Any] | None = None) -> str:
    """A type of the JSON that Delta's log and Spark's schemas share, in the one spelling; what cannot be declared too.

    Args:
        type_: A word, or the JSON of a nested type.
        metadata: Of the field, for the length of a char or varchar and for collations.
    """
    given = metadata or {}
    if isinstance(type_, str):
        word = str(given.get(_CHAR) or type_).lower().replace(", ", ",")
        return WORDS.get(word, word) + _collation(given)
    kind = type_["type"]
    if kind == "array":
        return f"array<{from_json(type_['elementType'])}>{_collation(given)}"
    if kind == "map":
        return f"map<{from_json(type_['keyType'])},{from_json(type_['valueType'])}>{_collation(given)}"
    if kind != "struct":
        return str(kind)
    parts = (f"{quote_field(field['name'])}:{from_json(field['type'], field['metadata'])}" for field in type_["fields"])
    return f"struct<{','.join(parts)}>"


def types_of(schema: Mapping[str, Any]) -> dict[str, str]:
    """The types of columns by name, of the JSON of a schema (`frame.schema.jsonValue()`).

    A char or varchar is a string there: what is read from such a column is one.
    """
    return {field["name"]: from_json(field["type"], {**field["metadata"], _CHAR: None}) for field in schema["fields"]}


def _collation(metadata: Mapping[str, Any]) -> str:
    names = sorted({str(name) for name in dict(metadata.get(_COLLATIONS, {})).values()})
    return f" collate {','.join(names)}" if names else ""


def is_in_parts(ddl: str) -> bool:
    """Whether a canonical type is an array, a map or a struct."""
    return ddl.endswith(">")


def parts_of(ddl: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    """What a canonical type in parts is made of: see `type_grammar.parts`."""
    from lakehouse.declare.type_grammar import parts

    return parts(ddl)


def is_wider(stored: str, declared: str) -> bool:
    """Whether Delta turns `stored` into `declared`, both canonical, without rewriting a file."""
    if declared in _WIDER.get(stored, ()) or (declared == "string" and re.match(r"(var)?char\(", stored)):
        return True
    asked = _decimal(declared)
    if asked is None:
        return False
    whole, fraction = asked
    held = _decimal(stored)
    if held is None:
        return stored in _DIGITS and whole >= _DIGITS[stored]
    return whole >= held[0] and fraction >= held[1] and asked != held


def _decimal(ddl: str) -> tuple[int, int] | None:
    """Digits before and after the point."""
    match = re.fullmatch(r"decimal\((\d+),(\d+)\)", ddl)
    if match is None:
        return None
    precision, scale = int(match[1]), int(match[2])
    return precision - scale, scale
