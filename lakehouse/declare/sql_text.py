"""SQL as text: how an identifier and a string are quoted. Nothing else quotes them."""

import re

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def quote(identifier: str) -> str:
    """`identifier` as Spark SQL wants it. The only place where an identifier is quoted."""
    return ".".join("`" + part.replace("`", "``") + "`" for part in identifier.split("."))


def quote_field(name: str) -> str:
    """The name of a field within a type: bare if it is a plain word, else in backquotes. A dot is part of the name."""
    return name if _PLAIN.fullmatch(name) else "`" + name.replace("`", "``") + "`"


def literal(text: str) -> str:
    """A SQL string literal."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'").replace("\0", "\\0").replace("\x1a", "\\Z")
    return f"'{escaped}'"


def create_database(layer: str, location: str) -> str:
    """The statement that makes the database of a layer at its place, unless it is there."""
    return f"CREATE DATABASE IF NOT EXISTS {quote(layer)} LOCATION {literal(location)}"
