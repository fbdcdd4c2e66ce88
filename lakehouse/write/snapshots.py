"""Before a snapshot is published: is it one, of which moment, and which keys are missing in it?"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from lakehouse.declare.sql_text import quote
from lakehouse.declare.table import Table
from lakehouse.declare.write_modes import Scd2
from lakehouse.delta.note import Note, SnapshotNote
from lakehouse.delta.stamp import Stamp
from lakehouse.delta.tables import Tables
from lakehouse.engine.statement import statement
from lakehouse.errors import SnapshotError
from lakehouse.write.batch import Batch
from lakehouse.write.decide import Decision
from lakehouse.write.modes.snapshot import closed_sql, moment_sql, struct_at, with_rejected
from lakehouse.write.position import last_position
from lakehouse.write.run_kind import ForPartitions, Replayed
from lakehouse.write.stage import BAD, PASSED, Staged, passed

if TYPE_CHECKING:
    from deltalake import DeltaTable
    from pyspark.sql import SparkSession


@dataclass(frozen=True)
class Compared:
    """What is known of a snapshot before it is published.

    Args:
        snapshot: For the note of the publish; None for a table that takes none.
        messages: What the reader of the run should know.
    """

    snapshot: SnapshotNote | None = None
    messages: tuple[str, ...] = ()

    def told(self, note: Note) -> Note:
        """The note with what is known."""
        return replace(note, snapshot=self.snapshot, messages=(*(note.messages or ()), *self.messages) or None)


def compare(
    tables: Tables,
    session: "SparkSession",
    table: Table,
    staged: Staged,
    decision: Decision,
    batch: Batch,
    delta: "DeltaTable",
) -> Compared:
    """Look at the staged rows of a snapshot; at nothing, of a table that takes none.

    Raises:
        SnapshotError: no row passed and that is not allowed, it is of several moments, of one before the last, or has
            some partitions alone. A replay is of another moment than the last snapshot.
    """
    mode = table.write
    if not (isinstance(mode, Scd2) and mode.snapshot):
        return Compared()
    version, kind = delta.version(), decision.kind
    last = last_position(tables.workspace, table.name, delta)
    before = last.note.snapshot if last else None
    if isinstance(kind, ForPartitions):
        raise SnapshotError(
            table.name, version, "A snapshot is all keys: run the table as a whole, not some partitions of it."
        )
    if isinstance(kind, Replayed):
        if before is not None and passed(decision.rows):
            _check_replay(session, table, mode, staged, before, version)
        return Compared(before and SnapshotNote(before.moment))
    if passed(decision.rows):
        moment = _moment(session, table, mode, staged, version, before)
    else:
        moment = _of_an_empty_one(table, mode, batch.started_at, version, rejected=decision.rows[BAD])
        _check_order(session, table, mode, moment, version, before)
    return _closing(session, table, mode, staged, moment, version)


def _moment(
    session: "SparkSession", table: Table, mode: Scd2, staged: Staged, version: int, before: SnapshotNote | None
) -> dict[str, str]:
    """The one moment of the rows that passed."""
    from pyspark.sql import functions as F

    columns = [F.expr(_text(quote(name), table.types[name])).alias(name) for name in mode.sequence]
    moments = staged.frame(session, *PASSED).select(*columns).distinct().limit(2).collect()
    if len(moments) > 1:
        raise SnapshotError(
            table.name,
            version,
            f"  {', '.join(mode.sequence)}  expected one moment for all rows of the snapshot, got several\n"
            f"A snapshot says how all keys are at one moment. Set {' and '.join(mode.sequence)} to it in "
            f"assets/{table.name.replace('.', '/')}.py, or declare Scd2 without `snapshot` if each row has its own.",
        )
    moment = {name: _noted(moments[0][name], table.types[name]) for name in mode.sequence}
    _check_order(session, table, mode, moment, version, before)
    return moment


def _text(column: str, type_: str) -> str:
    """SQL: a moment as text that can be cast back; of a timestamp its microseconds, whatever the session's zone."""
    return f"CAST({f'unix_micros({column})' if type_ == 'timestamp' else column} AS STRING)"


def _noted(text: str, type_: str) -> str:
    if type_ != "timestamp":
        return text
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(text))).isoformat()


def _of_an_empty_one(table: Table, mode: Scd2, started_at: datetime, version: int, *, rejected: int) -> dict[str, str]:
    """The moment of a snapshot that has no row to say it: when its run began."""
    if not mode.may_be_empty:
        of = f"all of its {rejected} rows were rejected" if rejected else "it has no rows"
        raise SnapshotError(
            table.name,
            version,
            f"The snapshot is empty ({of}), and would delete every key. See why its source gives nothing; if it may be "
            f"empty, declare Scd2(..., snapshot=True, may_be_empty=True).",
        )
    (name,) = mode.sequence
    began = started_at.astimezone(UTC)
    if table.types[name] == "date":
        return {name: began.date().isoformat()}
    return {name: (began if table.types[name] == "timestamp" else began.replace(tzinfo=None)).isoformat()}


def _check_order(
    session: "SparkSession",
    table: Table,
    mode: Scd2,
    moment: Mapping[str, str],
    version: int,
    before: SnapshotNote | None,
) -> None:
    at = struct_at(moment_sql(table, mode, moment))
    # A snapshot that changed nothing left no row, and rows from quarantine may be of any moment.
    last = f"{at} < {struct_at(moment_sql(table, mode, before.moment))}" if before else "false"
    sequence = f"struct({', '.join(map(quote, mode.sequence))})"
    row = session.sql(
        f"SELECT {last} OR coalesce({at} < (SELECT max({sequence}) FROM {quote(table.name)} VERSION AS OF {version}), "
        f"false)"
    ).collect()[0]
    if row[0]:
        raise SnapshotError(
            table.name,
            version,
            f"The snapshot is of an older moment ({', '.join(mode.sequence)}) than the last one that the history "
            f"has. What came between is not known any more, so it cannot find its place: give snapshots in their "
            f"order, or make the history anew after `lakehouse drop {table.name}`.",
        )


def _check_replay(
    session: "SparkSession", table: Table, mode: Scd2, staged: Staged, before: SnapshotNote, version: int
) -> None:
    at = struct_at(moment_sql(table, mode, before.moment))
    sequence = f"struct({', '.join(map(quote, mode.sequence))})"
    others = staged.frame(session, *PASSED).where(f"{sequence} != {at}").count()
    if others:
        raise SnapshotError(
            table.name,
            version,
            f"  {', '.join(mode.sequence)}  expected the moment of the last snapshot, got {others} rows of others\n"
            f"A later snapshot stands for the rows of an earlier one. Discard these rows, or fix their moment.",
        )


def _closing(
    session: "SparkSession", table: Table, mode: Scd2, staged: Staged, moment: Mapping[str, str], version: int
) -> Compared:
    """How many keys the publish is going to delete."""
    rows = with_rejected(staged.frame(session, *PASSED), staged.frame(session, BAD))
    with statement(session, stamp=Stamp(None, 0, Note(table.name)), view=rows) as view:
        closed, unknown = session.sql(closed_sql(table, mode, view, version, moment)).collect()[0]
    messages = []
    if closed:
        messages.append(f"{closed} keys of {table.name} are not in the snapshot: they are deleted at its moment.")
    if unknown:
        messages.append(
            f"{unknown} rejected rows of the snapshot have no key, and may be of any: no key that is missing was "
            f"deleted. Fix them and replay them; the next snapshot without such rows deletes what is missing."
        )
    return Compared(SnapshotNote(moment, closed), tuple(messages))
