"""How the commands print: a table for people, CSV or JSON for programs."""

import csv
import json
import sys
from collections.abc import Sequence
from typing import Any


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
    """Indented JSON; what JSON does not know (decimals, times) as text."""
    print(json.dumps(value, indent=1, default=str))


def _cell(value: Any) -> str:
    return "" if value is None else str(value)
