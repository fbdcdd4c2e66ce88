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
from lakehouse.engine.statement import statement
from lakehouse.engine.work_settings import settings_for
from lakehouse.write.modes.mode import (
    ModeFunctions,
    Pending,
    Publication,
    Winners,
    commit_files,
    deletes,
    merge_sql,
    ordering,
)
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


def published_rows_of_scd2(metrics: Mapping[str, Any], good: int) -> int:
    """Rows that the MERGE inserted: each is a change of its own."""
    return int(metrics.get("numTargetRowsInserted", good))


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
    stored = f"(SELECT * FROM {quote(table.name)} WHERE false)"
    if version is not None:
        stored = f"{quote(table.name)} VERSION AS OF {version}"
    return f"""
        WITH batch AS (SELECT {names}, {deletes(mode)} AS _is_deleted FROM {view}),
        past AS (
            SELECT {past} FROM {stored} AS p
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
    session, table, anew = publication.session, publication.table, is_rebuild(publication.kind)
    if not publication.rows and not anew:
        return commit_files(publication, "append")
    settings = settings_for(big=publication.is_big)
    with statement(session, settings=settings, stamp=publication.stamp, view=publication.frame()) as view:
        if anew:
            names = ", ".join(map(quote, table.stored_names))
            source = source_sql(table, mode, view, None)
            session.sql(f"INSERT INTO {quote(table.name)} REPLACE WHERE true SELECT {names} FROM ({source})")
            return publication.rows
        source = source_sql(table, mode, view, publication.delta.version())
        merge = merge_sql(table.name, source, (*mode.on, *mode.sequence), table.stored_names)
        done = session.sql(merge).collect()[0]
    return int(done["num_inserted_rows"])


def history_after(mode: Scd2, pending: Pending) -> "DataFrame":
    """The history with the changes of a batch, and without those rows as they were that the changes end."""
    from pyspark.sql import functions as F

    table, session = pending.table, pending.session
    changes = pending.good.unionByName(pending.deletions)
    names = list(map(quote, table.stored_names))
    if is_rebuild(pending.kind):
        return session.sql(source_sql(table, mode, "{changes}", None), changes=changes).select(*names)
    source = source_sql(table, mode, "{changes}", pending.delta.version())
    new = session.sql(source, changes=changes).select(*names)
    same = " AND ".join(f"t.{quote(name)} = s.{quote(name)}" for name in (*mode.on, *mode.sequence))
    return pending.now.alias("t").join(new.alias("s"), F.expr(same), "left_anti").unionByName(new)


SCD2 = ModeFunctions(publish_scd2, winners_of_scd2, never_adopts, published_rows_of_scd2, history_after)
