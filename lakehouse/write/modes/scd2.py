"""Scd2: every change of a key is a row that holds until the next; one MERGE from the staged files.

The rows that a batch changes are worked out from the batch and the past of its keys together, so that it does not
matter in which order changes come: of each key and sequence the greatest row stays, and where a row ends follows from
the next one (Kimball, "slowly changing dimension", type 2; the order is the source's own).
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lakehouse.declare.names import helper
from lakehouse.declare.sql_text import quote
from lakehouse.declare.table import Table
from lakehouse.declare.write_modes import Scd2
from lakehouse.delta.note import Note
from lakehouse.engine.statement import statement
from lakehouse.engine.work_settings import settings_for
from lakehouse.write.modes.equal_states import GONE, joined_sql
from lakehouse.write.modes.mode import (
    ModeFunctions,
    Pending,
    Publication,
    Winners,
    commit_files,
    deletes,
    merge_sql,
    ordering,
    rows_at,
)
from lakehouse.write.modes.snapshot import snapshot_sql, takes_all, with_rejected
from lakehouse.write.run_kind import is_rebuild

if TYPE_CHECKING:
    from deltalake import DeltaTable
    from pyspark.sql import DataFrame

# Columns of the statement's source beside the history's own four, each quoted.
_IS_NEW, _WAS_TO, _WAS_CURRENT = (quote(helper(word)) for word in ("is-new", "was-to", "was-current"))
_RANK, _NEXT, _IS_LAST = (quote(helper(word)) for word in ("rank", "next", "is-last"))


def _greatest(table: Table, is_deleted: str) -> tuple[str, str]:
    # Signals do not count: they are not stored, so a later batch could not be compared by them.
    return f"{is_deleted} DESC", f"{ordering(table.columns)} DESC"


def winners_of_scd2(mode: Scd2, table: Table) -> Winners:
    """One row of each key and sequence."""
    return Winners((*mode.on, *mode.sequence), _greatest(table, deletes(mode)), is_ordered=True)


def published_rows_of_scd2(metrics: Mapping[str, Any], good: int, note: Note) -> int:
    """Rows that the MERGE inserted: each is a change of its own."""
    inserted = metrics.get("numTargetRowsInserted")
    return good if inserted is None else _published(int(inserted), good, note)


def _published(inserted: int, good: int, note: Note) -> int:
    # A late change between two equal states inserts two rows, and a missing key one that no row of the batch is.
    return min(inserted - (note.snapshot.closed if note.snapshot else 0), good)


def source_sql(table: Table, mode: Scd2, view: str, version: int | None) -> str:
    """The rows of the history that a batch adds or changes, with the four columns of the history.

    Args:
        table: The declaration.
        mode: Its write mode.
        view: The batch.
        version: Of the table, whose rows are the past of the batch's keys; None for a history that begins with it.
    """
    names = ", ".join(map(quote, table.column_names))
    keys = ", ".join(map(quote, mode.on))
    sequence = ", ".join(map(quote, mode.sequence))
    moment = quote(mode.sequence[0])
    same_key = " AND ".join(f"p.{quote(name)} = k.{quote(name)}" for name in mode.on)
    past = ", ".join(f"p.{quote(name)}" for name in (*table.column_names, "_is_deleted", "_valid_to", "_is_current"))
    greatest = ", ".join(_greatest(table, "_is_deleted"))
    return f"""
        WITH batch AS (SELECT {names}, {deletes(mode)} AS _is_deleted FROM {view}),
        past AS (
            SELECT {past} FROM {rows_at(table, version)} AS p
            LEFT SEMI JOIN (SELECT DISTINCT {keys} FROM batch) AS k ON {same_key}
        ),
        changes AS (
            SELECT *, false AS {_IS_NEW}, _valid_to AS {_WAS_TO}, _is_current AS {_WAS_CURRENT}
            FROM (SELECT {names}, _is_deleted, _valid_to, _is_current FROM past)
            UNION ALL
            SELECT *, NULL AS _valid_to, NULL AS _is_current,
                true AS {_IS_NEW}, NULL AS {_WAS_TO}, NULL AS {_WAS_CURRENT}
            FROM batch
        ),
        ranked AS (
            SELECT *, row_number() OVER (PARTITION BY {keys}, {sequence} ORDER BY {greatest}, {_IS_NEW}) AS {_RANK}
            FROM changes
        ),
        history AS (
            SELECT {names}, _is_deleted, {_IS_NEW}, {_WAS_TO}, {_WAS_CURRENT},
                lead({moment}) OVER (PARTITION BY {keys} ORDER BY {sequence}) AS {_NEXT},
                row_number() OVER (PARTITION BY {keys} ORDER BY {_descending(mode)}) = 1 AS {_IS_LAST}
            FROM ranked WHERE {_RANK} = 1
        ),
        dated AS (
            SELECT {names}, {moment} AS _valid_from, if(_is_deleted, {moment}, {_NEXT}) AS _valid_to,
                {_IS_LAST} AND NOT _is_deleted AS _is_current, _is_deleted, {_IS_NEW}, {_WAS_TO}, {_WAS_CURRENT}
            FROM history
        )
        SELECT * EXCEPT ({_IS_NEW}, {_WAS_TO}, {_WAS_CURRENT}) FROM dated
        WHERE {_IS_NEW} OR NOT (_valid_to <=> {_WAS_TO} AND _is_current <=> {_WAS_CURRENT})"""


def _descending(mode: Scd2) -> str:
    return ", ".join(f"{quote(name)} DESC" for name in mode.sequence)


def never_adopts(mode: Scd2, delta: "DeltaTable") -> bool:
    """The rows of a history are worked out by the engine."""
    return False


def publish_scd2(mode: Scd2, publication: Publication) -> int:
    """Insert the changes and end the rows before them, in one MERGE; of a rebuild, in place of the history."""
    session, table, note = publication.session, publication.table, publication.stamp.note
    anew, is_snapshot = is_rebuild(publication.kind) and not mode.snapshot, takes_all(mode, publication)
    if not publication.rows and not anew and not is_snapshot:
        return commit_files(publication, "append")
    settings = settings_for(big=publication.is_big)
    frame = with_rejected(publication.frame(), publication.rejected()) if is_snapshot else publication.frame()
    with statement(session, settings=settings, stamp=publication.stamp, view=frame) as view:
        version = None if anew else publication.delta.version()
        if is_snapshot and note.snapshot is not None and version is not None:
            source = snapshot_sql(table, mode, view, version, note.snapshot.moment)
        else:
            source = (joined_sql if mode.takes_rows_back else source_sql)(table, mode, view, version)
        if anew:
            names = ", ".join(map(quote, table.stored_names))
            session.sql(f"INSERT INTO {quote(table.name)} REPLACE WHERE true SELECT {names} FROM ({source})")
            return publication.rows
        on = (*mode.on, *mode.sequence)
        goes = f"WHEN MATCHED AND s.{GONE} THEN DELETE WHEN MATCHED" if mode.takes_rows_back else ""
        merge = merge_sql(table.name, source, on, table.stored_names, updates=goes)
        done = session.sql(merge).collect()[0]
    return _published(int(done["num_inserted_rows"]), publication.rows, note)


def history_after(mode: Scd2, pending: Pending) -> "DataFrame":
    """The history with the changes of a batch, and without those rows as they were that the changes end."""
    from pyspark.sql import functions as F

    table, session = pending.table, pending.session
    changes = pending.good.unionByName(pending.deletions)
    names, sql = list(map(quote, table.stored_names)), joined_sql if mode.takes_rows_back else source_sql
    version = None if is_rebuild(pending.kind) else pending.delta.version()
    source = session.sql(sql(table, mode, "{changes}", version), changes=changes)
    new = (source.where(f"NOT coalesce({GONE}, false)") if mode.takes_rows_back else source).select(*names)
    if version is None:
        return new
    same = " AND ".join(f"t.{quote(name)} = s.{quote(name)}" for name in (*mode.on, *mode.sequence))
    return pending.now.alias("t").join(source.alias("s"), F.expr(same), "left_anti").unionByName(new)


SCD2 = ModeFunctions(publish_scd2, winners_of_scd2, never_adopts, published_rows_of_scd2, history_after)
