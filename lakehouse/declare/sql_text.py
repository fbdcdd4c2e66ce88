"""SQL as text: how an identifier and a string are quoted. Nothing else quotes them."""


def quote(identifier: str) -> str:
    """`identifier` as Spark SQL wants it. The only place where an identifier is quoted."""
    return ".".join("`" + part.replace("`", "``") + "`" for part in identifier.split("."))


def literal(text: str) -> str:
    """A SQL string literal."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'").replace("\0", "\\0").replace("\x1a", "\\Z")
    return f"'{escaped}'"
