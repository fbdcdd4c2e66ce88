"""How the commands print: text for people, CSV or JSON for programs. `Json` is the option that asks for JSON."""

import csv
import json
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, is_dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

import typer

Json = Annotated[bool, typer.Option("--json", help="As JSON, for programs")]
Answer = TypeVar("Answer")


def print_answer(answer: Answer, as_json: bool, text: Callable[[Answer], None]) -> None:
    """Print what a command has to say.

    Args:
        answer: Values, for programs: what `plain` knows.
        as_json: Whether a program asked.
        text: Prints the same for people.
    """
    if as_json:
        print_json(answer)
    else:
        text(answer)


def print_table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """A table as wide as its values: nothing is cut."""
    cells = [[_cell(value) for value in row] for row in (columns, *rows)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(columns))]
    is_number = [bool(rows) and all(isinstance(row[i], int | float) for row in rows) for i in range(len(columns))]
    for number, line in enumerate(cells):
        padded = [c.rjust(w) if n else c.ljust(w) for c, w, n in zip(line, widths, is_number, strict=True)]
        print("  ".join(padded).rstrip())
        if number == 0:
            print("  ".join("-" * width for width in widths))


def print_csv(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """CSV with a header; null is empty."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)


def print_json(value: Any) -> None:
    """Indented JSON of what `plain` knows."""
    print(json.dumps(plain(value), indent=1, allow_nan=False))


def plain(value: Any) -> Any:
    """A value as JSON has it: by its own `to_json`, by the fields of a dataclass, by its items.

    What JSON does not know (decimals, times, numbers that are not finite) is text, times with a zone are in UTC, bytes
    are hexadecimal.
    """
    if hasattr(value, "to_json"):
        value = value.to_json()
    elif is_dataclass(value) and not isinstance(value, type):
        value = asdict(value)
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    if isinstance(value, bytes | bytearray):
        return value.hex()
    if isinstance(value, datetime):
        return time_text(value)
    if value is None or isinstance(value, bool | int | str) or (isinstance(value, float) and math.isfinite(value)):
        return value
    return str(value)


def time_text(value: datetime) -> str:
    """A time as every command shows it: in UTC with its zone, or without one if it has none.

    A condition takes it as it stands: `sent_at = '2026-01-31 12:00:00+00:00'`.
    """
    return (value if value.tzinfo is None else value.astimezone(UTC)).isoformat(sep=" ")


def _cell(value: Any) -> str:
    if isinstance(value, datetime):
        return time_text(value)
    if isinstance(value, Mapping | list | tuple):
        return str(plain(value))
    return "" if value is None else str(value)
