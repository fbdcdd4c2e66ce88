"""What every write mode answers: which rows of a batch stand for their key, and how good rows become one commit."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import singledispatch
from typing import TYPE_CHECKING, Any

from lakehouse.quality.effort import BIG_BYTES
from lakehouse.storage import File
from lakehouse.table import Column, Table, quote
from lakehouse.workspace import Workspace
from lakehouse.write.publish import Stamp

if TYPE_CHECKING:
    from deltalake import DeltaTable
    from pyspark.sql import DataFrame, SparkSession


@dataclass(frozen=True)
class Standing:
    """Which of the good rows of one key take part.

    Args:
        by: Columns of which one row takes part.
        order: SQL order in which the first row wins.
        is_ordered: Whether the source orders its rows, so that the others are superseded; otherwise they are an error.
    """

    by: tuple[str, ...]
    order: tuple[str, ...]
    is_ordered: bool

    def rank(self, is_bad: str) -> str:
        """SQL that is 1 for the row that takes part; `is_bad` names a column that keeps bad rows apart."""
        keys = ", ".join(map(quote, self.by))
        return f"row_number() OVER (PARTITION BY {keys}, {is_bad} ORDER BY {', '.join(self.order)})"


@dataclass(frozen=True)
class Publication:
    """Good rows on their way into a table.

    Args:
        workspace: Where the tables are.
        session: The session.
        table: The declaration.
        delta: The table at its latest version.
        files: The staged files of the good rows.
        rows: How many rows they hold.
        frame: Gives them as a frame, for modes that cannot adopt files.
        stamp: What the commit says of itself.
        partitions: Values of the partitions to replace, for a mode that does.
        rebuild: All inputs were read again.
    """

    workspace: Workspace
    session: "SparkSession"
    table: Table
    delta: "DeltaTable"
    files: tuple[File, ...]
    rows: int
    frame: "Callable[[], DataFrame]"
    stamp: Stamp
    partitions: tuple[Mapping[str, str | None], ...] = ()
    rebuild: bool = False

    @property
    def is_big(self) -> bool:
        """Whether a statement over the rows and the table is big work."""
        import pyarrow as pa
        import pyarrow.compute as pc

        held = pc.sum(pa.table(self.delta.get_add_actions(flatten=True))["size_bytes"]).as_py() or 0
        return held + sum(file.size for file in self.files) >= BIG_BYTES


@singledispatch
def standing(mode: object, table: Table) -> Standing | None:
    """Which rows of a batch take part; None where all do."""
    return None


@singledispatch
def publish(mode: object, publication: Publication) -> int:
    """Make the good rows a version, in one commit.

    Returns:
        Rows that changed the table.
    """
    raise TypeError(f"{publication.table.name}: there is no way to write {type(mode).__name__}")


@singledispatch
def published_rows(mode: object, metrics: Mapping[str, Any], good: int) -> int:
    """Rows that a publish which is already committed has changed, from Delta's metrics of it."""
    return good


def ordering(columns: tuple[Column, ...]) -> str:
    """SQL that gives any two different rows one order; maps, which have none, count by their JSON."""
    parts = [f"to_json({quote(c.name)})" if "map<" in c.type or c.type == "variant" else quote(c.name) for c in columns]
    return f"struct({', '.join(parts)})"


def struct_of(side: str, names: tuple[str, ...]) -> str:
    """The columns of one side of a MERGE as one comparable value."""
    return f"struct({', '.join(f'{side}.{quote(name)}' for name in names)})"


@contextmanager
def viewed(session: "SparkSession", frame: "DataFrame", stamp: Stamp) -> Iterator[str]:
    """Give a frame a name for one statement."""
    name = f"staged_{stamp.sequence}_{abs(hash(stamp.app))}"
    frame.createOrReplaceTempView(name)
    try:
        yield name
    finally:
        session.catalog.dropTempView(name)
