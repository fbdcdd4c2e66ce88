"""Tables of every write mode, numbered batches for them, and what they must hold, in plain Python.

A batch follows from its mode, the seed and its number, so that whoever retries it brings the same rows.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any

from lakehouse.declare.column import Column
from lakehouse.declare.table import Table
from lakehouse.declare.write_modes import Append, Merge, Overwrite, ReplacePartitions, Scd2, WriteMode
from lakehouse.sources.kinds import KINDS
from lakehouse.sources.source import ReadContext, SourceKind
from lakehouse.storage import read_json, write_json

COLUMNS = (
    Column("id", "bigint", "Of this row: no other row has it", nullable=False),
    Column("entity", "bigint", "Key"),
    Column("changed", "bigint", "Orders the changes of a key"),
    Column("value", "int", "Judged"),
    Column("part", "string", "Partition"),
)
SIGNALS = (Column("operation", "string", "What the source did"),)
_CHANGES: dict[str, Any] = {
    "on": ("entity",),
    "sequence": ("changed",),
    "delete_when": "operation = 'delete'",
    "signals": SIGNALS,
}
MODES: dict[str, WriteMode] = {
    "append": Append(),
    "overwrite": Overwrite(),
    "partitions": ReplacePartitions(),
    "merge": Merge(**_CHANGES),
    "upsert": Merge(on=("entity",), sequence=("changed",)),
    "scd2": Scd2(**_CHANGES),
}
HIGHEST = 10
SUITE = [
    {
        "type": "expect_column_values_to_be_between",
        "kwargs": {"column": "value", "min_value": 0, "max_value": HIGHEST, "mostly": 0.01},
        "severity": "critical",
    }
]
# What a fix sets, as SQL and in Python.
MENDED = "CAST(id % 10 AS int)"


@dataclass(frozen=True, order=True)
class Row:
    """One row of a batch."""

    id: int
    entity: int
    changed: int
    value: int
    part: str
    operation: str

    @property
    def is_good(self) -> bool:
        """Whether it passes the suite."""
        return 0 <= self.value <= HIGHEST

    @property
    def number(self) -> int:
        """The batch that it came with."""
        return self.id // 1000

    @property
    def mended(self) -> "Row":
        """The row after the fix."""
        return replace(self, value=self.id % 10)

    @property
    def stored(self) -> tuple[Any, ...]:
        """Without the signal."""
        return (self.id, self.entity, self.changed, self.value, self.part)


@dataclass(frozen=True)
class Numbered:
    """An input whose position is a number in a file: up to which batch it can be read."""

    mode: str
    seed: int
    counter: str

    @property
    def count(self) -> int:
        """The last batch that there is."""
        return int(read_json(self.counter) or 0)

    def advance(self) -> None:
        """One batch more."""
        write_json(self.counter, self.count + 1)


def _position_of_numbered(source: Numbered, context: ReadContext) -> int:
    return source.count


def _load_numbered(source: Numbered, context: ReadContext, since: int | None, position: int) -> Any:
    first = position if source.mode == "overwrite" else (since or 0) + 1
    rows = [row for number in range(first, position + 1) for row in batch(source.mode, source.seed, number)]
    return frame_of(context.connect(), table_of(source.mode, ""), rows)


KINDS[Numbered] = SourceKind(_position_of_numbered, _load_numbered, is_incremental=True)


def frame_of(session: Any, table: Table, rows: Iterable[Row]) -> Any:
    """Rows as a frame of a table's batch."""
    return session.createDataFrame([[getattr(row, name) for name in table.brought_names] for row in rows], table.schema)


def table_of(mode: str, run: str) -> Table:
    """The declaration of a mode's table."""
    parts = ("part",) if mode == "partitions" else ()
    return Table(f"silver.{mode}{run}", COLUMNS, "one row per row", MODES[mode], partitioned_by=parts)


def write_suite(project: Path, table: Table, expectations: list[dict[str, Any]]) -> None:
    """Give a table its expectations."""
    import json

    file = project / "expectations" / table.layer / f"{table.entity}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"name": table.name, "expectations": expectations, "meta": {}}))


def random_of(*words: object) -> Random:
    """The same numbers for the same words."""
    return Random(" ".join(map(str, words)))  # noqa: S311 - nothing secret


def batch(mode: str, seed: int, number: int) -> list[Row]:
    """The rows of a batch: some break the rule, some come late, some delete. No two have one key and sequence."""
    random = random_of(seed, mode, number)
    rows = []
    for place in range(random.randint(3, 7)):
        late = random.randint(1, 5) if random.random() < 0.25 and number > 5 else 0
        rows.append(
            Row(
                id=number * 1000 + place,
                entity=random.randrange(9),
                changed=(number - late) * 1000 + late * 100 + place,
                value=300 if place and random.random() < 0.25 else random.randint(0, HIGHEST),
                part=f"p{(number + place % 2) % 4}",
                operation="delete" if random.random() < 0.15 else "upsert",
            )
        )
    return rows


def expected(mode: str, seed: int, count: int, replayed: set[int]) -> list[tuple[Any, ...]]:
    """What the table holds after so many batches and the replay of some bad rows, sorted."""
    came = [batch(mode, seed, number) for number in range(1, count + 1)]
    through = [row if row.is_good else row.mended for rows in came for row in rows if row.is_good or row.id in replayed]
    if mode == "append":
        return sorted(row.stored for row in through)
    if mode in ("overwrite", "partitions"):
        made = last_made(mode, came)
        return sorted(row.stored for row in through if made.get(_place(mode, row), 0) <= row.number)
    return _history(through) if mode == "scd2" else _newest(through, deletes=mode == "merge")


def last_made(mode: str, came: list[list[Row]]) -> dict[str, int]:
    """For modes that replace: the batch that made each place last. A bad row alone replaces no partition."""
    made: dict[str, int] = {}
    for rows in came:
        for row in rows:
            if row.is_good or mode == "overwrite":
                made[_place(mode, row)] = row.number
    return made


def is_replaced(mode: str, came: list[list[Row]], row: Row) -> bool:
    """Whether a later batch stands for a row, so that it cannot wait any more."""
    return mode in ("overwrite", "partitions") and last_made(mode, came).get(_place(mode, row), 0) > row.number


def _place(mode: str, row: Row) -> str:
    return row.part if mode == "partitions" else ""


def _newest(rows: list[Row], *, deletes: bool) -> list[tuple[Any, ...]]:
    last: dict[int, Row] = {}
    for row in sorted(rows, key=lambda change: change.changed):
        last[row.entity] = row
    return sorted(row.stored for row in last.values() if not (deletes and row.operation == "delete"))


def _history(rows: list[Row]) -> list[tuple[Any, ...]]:
    versions = []
    for row in rows:
        later = [other.changed for other in rows if other.entity == row.entity and other.changed > row.changed]
        is_deleted = row.operation == "delete"
        end = row.changed if is_deleted else min(later, default=None)
        versions.append((*row.stored, row.changed, end, not later and not is_deleted, is_deleted))
    return sorted(versions)
