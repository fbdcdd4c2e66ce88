"""Types as DDL writes them: one spelling for each, Delta's own words for them, and what Delta can widen in place."""

import re
from collections.abc import Mapping
from typing import Any

# Other spellings that Spark's DDL accepts, and Delta's words where they differ from Spark's.
_ALIASES = {
    "integer": "int",
    "long": "bigint",
    "short": "smallint",
    "byte": "tinyint",
    "real": "float",
    "dec": "decimal",
    "numeric": "decimal",
    "timestamp_ltz": "timestamp",
}
_WORD = re.compile(r"`(?:[^`]|``)*`|'(?:[^'\\]|\\.)*'|\w+|[<>(),:]")
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


def canonical(ddl: str) -> str:
    """A type in one spelling: `STRUCT<a: Integer>` is `struct<a:int>`. NOT NULL and comments inside are left out."""
    return _type(_WORD.findall(ddl)[::-1])


def _type(words: list[str]) -> str:
    """The type at the end of `words` (they are reversed), which are taken off."""
    name = words.pop().lower() if words else ""
    if name == "struct" and _is_next(words, "<"):
        return f"struct<{','.join(_fields(words))}>"
    if name in ("array", "map") and _is_next(words, "<"):
        return f"{name}<{','.join(_inside(words, _type, '>'))}>"
    name = _ALIASES.get(name, name)
    if _is_next(words, "("):
        return f"{name}({','.join(_inside(words, list.pop, ')'))})"
    return "decimal(10,0)" if name == "decimal" else name


def _is_next(words: list[str], word: str) -> bool:
    return bool(words) and words[-1] == word


def _inside(words: list[str], take: Any, end: str) -> list[str]:
    """What stands between brackets, separated by commas."""
    words.pop()
    found = []
    while words and not _is_next(words, end):
        found.append(take(words))
        if _is_next(words, ","):
            words.pop()
    if words:
        words.pop()
    return found


def _fields(words: list[str]) -> list[str]:
    return _inside(words, _field, ">")


def _field(words: list[str]) -> str:
    name = words.pop().strip("`")
    if _is_next(words, ":"):
        words.pop()
    found = f"{name}:{_type(words)}"
    while words and words[-1].lower() in ("not", "null", "comment"):
        if words.pop().lower() == "comment":
            words.pop()
    return found


def from_delta(type_: str | Mapping[str, Any], metadata: Mapping[str, Any] | None = None) -> str:
    """A type of Delta's schema JSON as DDL.

    Args:
        type_: A word, or the JSON of a nested type.
        metadata: Of the field, for the length of a char or varchar.
    """
    if isinstance(type_, str):
        return canonical(str((metadata or {}).get(_CHAR) or type_))
    if type_["type"] == "array":
        return f"array<{from_delta(type_['elementType'])}>"
    if type_["type"] == "map":
        return f"map<{from_delta(type_['keyType'])},{from_delta(type_['valueType'])}>"
    fields = [f"{field['name']}:{from_delta(field['type'], field['metadata'])}" for field in type_["fields"]]
    return f"struct<{','.join(fields)}>"


def is_wider(stored: str, declared: str) -> bool:
    """Whether Delta's type widening turns `stored` into `declared`, both canonical, without rewriting a file."""
    if declared in _WIDER.get(stored, ()):
        return True
    wanted = _decimal(declared)
    if wanted is None:
        return False
    whole, fraction = wanted
    held = _decimal(stored)
    if held is None:
        return stored in _DIGITS and whole >= _DIGITS[stored]
    return whole >= held[0] and fraction >= held[1] and wanted != held


def _decimal(ddl: str) -> tuple[int, int] | None:
    """Digits before and after the point."""
    found = re.fullmatch(r"decimal\((\d+)(?:,(\d+))?\)", ddl)
    if found is None:
        return None
    precision, scale = int(found[1]), int(found[2] or 0)
    return precision - scale, scale
