"""What every write mode answers: which rows of a batch stand for their key, and how good rows become one commit."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from lakehouse.declare.column import Column
from lakehouse.declare.sql_text import quote
from lakehouse.declare.table import Table
from lakehouse.declare.write_modes import Merge, Scd2
from lakehouse.delta.adopt import adopt, takes_references
from lakehouse.delta.live_files import NotReplayableError
from lakehouse.delta.log_entry import is_local
from lakehouse.delta.note import Note
from lakehouse.delta.partition_values import Partition
from lakehouse.delta.stamp import Stamp
from lakehouse.delta.tables import Tables
from lakehouse.engine.statement import statement
from lakehouse.engine.work_settings import BIG_BYTES
from lakehouse.storage import File
from lakehouse.write.run_kind import RunKind, is_rebuild

if TYPE_CHECKING:
    from deltalake import DeltaTable
    from pyspark.sql import DataFrame, SparkSession


_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Winners:
    """Which of the good rows of one key take part.

    Args:
        by: Columns of which one row takes part.
        order: SQL order in which the first row wins.
        is_ordered: Whether the source orders its rows, so that the others are superseded; otherwise they are an error.
        deletes: SQL, never null: which rows delete their key; empty where none are told apart.
    """

    by: tuple[str, ...]
    order: tuple[str, ...]
    is_ordered: bool
    deletes: str = ""

    def rank(self, is_bad: str) -> str:
        """SQL that is 1 for the row that takes part; `is_bad` names a column that keeps bad rows apart."""
        keys = ", ".join(map(quote, self.by))
        return f"row_number() OVER (PARTITION BY {keys}, {is_bad} ORDER BY {', '.join(self.order)})"


@dataclass(frozen=True)
class Publication:
    """Good rows on their way into a table.

    Args:
        tables: The tables that the run touches.
        session: The session.
        table: The declaration.
        delta: The table at its latest version.
        files: The staged files of the good rows.
        rows: How many rows passed, with those that delete their key.
        frame: Gives all of them as a frame, for modes that cannot adopt files.
        stamp: What the commit says of itself.
        kind: What the run is.
        replaced: The partitions to replace, for a mode that does.
        adopts: Whether the staged files are to become the table's own.
        rejected: The same of the rows that did not pass, for a mode that must know their keys.
        deletions: The staged files of the rows that delete their key.
    """

    tables: Tables
    session: "SparkSession"
    table: Table
    delta: "DeltaTable"
    files: tuple[File, ...]
    rows: int
    frame: "Callable[[], DataFrame]"
    rejected: "Callable[[], DataFrame]"
    stamp: Stamp
    kind: RunKind
    replaced: tuple[Partition, ...] = ()
    adopts: bool = True
    deletions: tuple[File, ...] = ()

    @property
    def is_big(self) -> bool:
        """Whether a statement over the rows and the table is big work."""
        return table_bytes(self.delta) + sum(file.size for file in (*self.files, *self.deletions)) >= BIG_BYTES


@dataclass(frozen=True)
class Pending:
    """Good rows that are not published yet, for the question what the table would be with them.

    Args:
        session: The session.
        table: The declaration.
        delta: The table at its latest version.
        good: The rows, with the columns of a batch.
        deletions: Those that delete their key.
        kind: What the run is.
        replaced: The partitions to replace, for a mode that does.
        has_deleted: Whether deleted keys are remembered that still concern the table.
    """

    session: "SparkSession"
    table: Table
    delta: "DeltaTable"
    good: "DataFrame"
    deletions: "DataFrame"
    kind: RunKind
    replaced: tuple[Partition, ...] = ()
    has_deleted: bool = False

    @property
    def now(self) -> "DataFrame":
        """The rows that the table has."""
        names = ", ".join(map(quote, self.table.stored_names))
        return self.session.sql(f"SELECT {names} FROM {rows_at(self.table, self.delta.version())}")

    @property
    def coming(self) -> "DataFrame":
        """The good rows with the columns that the table stores."""
        return self.good.select(*map(quote, self.table.column_names))


def added(mode: Any, pending: Pending) -> "DataFrame":
    """The table with the rows added; a rebuild stands in place of what was there."""
    return pending.coming if is_rebuild(pending.kind) else pending.now.unionByName(pending.coming)


def table_bytes(delta: "DeltaTable") -> int:
    """Bytes of a table's files."""
    import pyarrow as pa
    import pyarrow.compute as pc

    return int(pc.sum(pa.table(delta.get_add_actions(flatten=True))["size_bytes"]).as_py() or 0)


def _all_take_part(mode: Any, table: Table) -> None:
    return None


def _always(mode: Any, delta: "DeltaTable") -> bool:
    return True


def _all_good_rows(metrics: Mapping[str, Any], good: int, note: Note) -> int:
    return good


@dataclass(frozen=True)
class ModeFunctions:
    """What a write mode does. `lakehouse.write.modes.MODES` says which mode has which functions.

    Args:
        publish: Makes the good rows a version, in one commit; gives the number of rows that changed the table.
        winners: Which rows of a batch take part; None if all do.
        can_adopt: Whether the staged files of good rows become the table's own, for a table as it is before the
            publish.
        published_rows: Rows that a publish which is already committed has changed, from Delta's metrics of it, the
            number of good rows and what the commit says of itself.
        after: The rows that the table would have with those of a batch.
    """

    publish: Callable[[Any, Publication], int]
    winners: Callable[[Any, Table], Winners | None] = _all_take_part
    can_adopt: "Callable[[Any, DeltaTable], bool]" = _always
    published_rows: Callable[[Mapping[str, Any], int, Note], int] = _all_good_rows
    after: "Callable[[Any, Pending], DataFrame]" = added


def commit_files(
    publication: Publication,
    way: Literal["append", "overwrite"],
    *,
    where: str = "true",
    replaced: Sequence[Partition] | None = None,
) -> int:
    """Make the staged files the table's own, by reference; by a statement where the table's features forbid that.

    Args:
        publication: The rows.
        way: Add to the table's rows or replace some of them.
        where: With `overwrite`: SQL condition of the rows that are replaced.
        replaced: The same as partitions; None for all rows.

    Returns:
        Rows published.
    """
    table, session = publication.table, publication.session
    # Staged files that do not become the table's own are deleted after the publish.
    may_refer = takes_references(publication.delta) and (publication.adopts or not publication.files)
    if may_refer and (way == "append" or is_local(publication.delta.table_uri)):
        columns = set(table.stored_names)
        try:
            return adopt(publication.delta, publication.files, columns, publication.stamp, way, replaced=replaced)
        except NotReplayableError as error:
            _log.info("%s: the engine replaces the rows: %s", table.name, error)
    names = ", ".join(map(quote, table.stored_names))
    place = f"({names})" if way == "append" else f"REPLACE WHERE {where}"
    with statement(session, stamp=publication.stamp, view=publication.frame()) as view:
        session.sql(f"INSERT INTO {quote(table.name)} {place} SELECT {names} FROM {view}")
    return publication.rows


def deletes(mode: Merge | Scd2) -> str:
    """SQL, never null: whether a change deletes its key."""
    return f"coalesce(({mode.delete_when}), false)" if mode.delete_when else "false"


def merge_sql(
    name: str, source: str, on: Sequence[str], columns: Sequence[str], *, updates: str = "", inserts: str = ""
) -> str:
    """A MERGE of `source` as `s` into the table `name` as `t`.

    Args:
        name: `layer.entities`.
        source: A query.
        on: The columns that make a row of the source and one of the table the same.
        columns: The columns that are written.
        updates: What comes before `THEN UPDATE`: other clauses, and the condition of this one.
        inserts: The condition of an insert.
    """
    same = " AND ".join(f"t.{quote(column)} = s.{quote(column)}" for column in on)
    values = ", ".join(f"{quote(column)} = s.{quote(column)}" for column in columns)
    names = ", ".join(map(quote, columns))
    inserted = ", ".join(f"s.{quote(column)}" for column in columns)
    return (
        f"MERGE INTO {quote(name)} AS t USING ({source}) AS s ON {same} "
        f"{updates or 'WHEN MATCHED'} THEN UPDATE SET {values} "
        f"WHEN NOT MATCHED{inserts} THEN INSERT ({names}) VALUES ({inserted})"
    )


def ordering(columns: tuple[Column, ...]) -> str:
    """SQL that gives any two different rows one order; maps, which have none, count by their JSON."""
    parts = [f"to_json({quote(c.name)})" if "map<" in c.type else quote(c.name) for c in columns]
    return f"struct({', '.join(parts)})"


def rows_at(table: Table, version: int | None) -> str:
    """SQL: what a query reads the rows of a version of the table from; None for no rows."""
    if version is None:
        return f"(SELECT * FROM {quote(table.name)} WHERE false)"
    return f"{quote(table.name)} VERSION AS OF {version}"


def struct_of(side: str, names: tuple[str, ...]) -> str:
    """The columns of one side of a MERGE as one comparable value."""
    return f"struct({', '.join(f'{side}.{quote(name)}' for name in names)})"
