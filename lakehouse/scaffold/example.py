"""Made-up values for tests: a text of each type, and a line of them."""

import csv
import io
import json
from dataclasses import dataclass

from lakehouse.scaffold.blueprint import Blueprint

_VALUES = {
    "boolean": ("true", "true"),
    "float": ("1.5", "1.5"),
    "double": ("1.5", "1.5"),
    "date": ("2026-01-02", "2026-01-02"),
    "timestamp": ("2026-01-02T03:04:05Z", "2026-01-02 03:04:05"),
    "timestamp_ntz": ("2026-01-02T03:04:05", "2026-01-02 03:04:05"),
    "string": ("a", "a"),
    "binary": ("a", "a"),
}


@dataclass(frozen=True)
class Example:
    """A line of a file that a table reads.

    Args:
        line: With a value for each column.
        expected: The values as text by column; None for a column that has none.
        header: The first line of its file; None for a format without one.
    """

    line: str
    expected: dict[str, str | None]
    header: str | None = None


def example_of(type_: str) -> tuple[str, str | None]:
    """A text that is a value of a type, and that value as text; None if no text is."""
    if type_.startswith("decimal("):
        precision, scale = map(int, type_[8:-1].split(","))
        whole = "1" if precision > scale else "0"
        value = whole + ("." + "1" * scale if scale else "")
        return value, value
    if type_.startswith(("struct", "array", "map")):
        return "", None
    return _VALUES.get(type_, ("1", "1"))


def example_line(blueprint: Blueprint) -> Example:
    """A line with a made-up value for each column, as the table's files have it."""
    values = {field: example_of(field.column.type) for field in blueprint.fields}
    expected = {field.column.name: value for field, (_, value) in values.items()}
    if blueprint.origin.format == "csv":
        separator = blueprint.origin.separator
        header = _csv_line([field.source for field in blueprint.fields], separator)
        return Example(_csv_line([given for given, _ in values.values()], separator), expected, header)
    given = {field.source: text for field, (text, value) in values.items() if value is not None}
    return Example(json.dumps(given, ensure_ascii=False), expected)


def _csv_line(fields: list[str], separator: str) -> str:
    text = io.StringIO()
    csv.writer(text, delimiter=separator, lineterminator="").writerow(fields)
    return text.getvalue()
