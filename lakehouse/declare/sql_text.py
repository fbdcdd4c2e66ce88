"""SQL as text: how an identifier, a string and a path are quoted. Nothing else quotes them."""


def quote(identifier: str) -> str:
    """`identifier` as Spark SQL wants it. The only place where an identifier is quoted."""
    return ".".join(map(quote_name, identifier.split(".")))


def quote_name(name: str) -> str:
    """One name, which may have a dot in it, as Spark SQL wants it."""
    return "`" + name.replace("`", "``") + "`"


def literal(text: str) -> str:
    """A SQL string literal."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'").replace("\0", "\\0").replace("\x1a", "\\Z")
    return f"'{escaped}'"


def location(path: str) -> str:
    """The clause that says where a table or a database lies. The only way in which a path gets into SQL."""
    return f"LOCATION {literal(path)}"


def create_database(layer: str, folder: str) -> str:
    """The statement that makes the database of a layer, if it is not there, with its folder."""
    return f"CREATE DATABASE IF NOT EXISTS {quote(layer)} {location(folder)}"
