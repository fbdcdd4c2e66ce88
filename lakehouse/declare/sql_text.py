"""SQL as text: how an identifier and a string are quoted. Nothing else quotes them."""


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
