"""Python source in the shape that `ruff format` leaves alone: on one line where it fits, else one part a line."""

from collections.abc import Sequence

WIDTH = 120


def text(value: str) -> str:
    """A string literal with double quotes."""
    escaped = value.replace("\\", "\\\\").replace("\n", "\\n").replace("\t", "\\t")
    if '"' in escaped and "'" not in escaped:
        return f"'{escaped}'"
    return '"' + escaped.replace('"', '\\"') + '"'


def call(head: str, parts: Sequence[str], indent: int, tail: str = ")") -> str:
    """A call, tuple or list: `head` ends in its opening bracket.

    Args:
        head: What stands before the parts.
        parts: Source of each.
        indent: Spaces before it.
        tail: What stands after the parts.
    """
    one = f"{head}{', '.join(parts)}{tail}"
    if indent + len(one) + 1 <= WIDTH and "\n" not in one:
        return one
    inside = "\n".join(f"{' ' * (indent + 4)}{part}," for part in parts)
    return f"{head}\n{inside}\n{' ' * indent}{tail}"


def tuple_of(parts: Sequence[str], indent: int, head: str = "(") -> str:
    """A tuple."""
    if len(parts) == 1:
        return f"{head}{parts[0]},)"
    return call(head, parts, indent)
