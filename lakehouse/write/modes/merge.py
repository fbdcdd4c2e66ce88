"""Merge: one row per key, the newest change of each; by reference where that can be, else by a SQL MERGE."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lakehouse.declare.sql_text import quote
from lakehouse.declare.table import Table, deleted_of
from lakehouse.declare.write_modes import Merge
from lakehouse.delta.stamp import stamped
from lakehouse.engine.work_settings import during, for_work
from lakehouse.write.modes.deleted_keys import remember
from lakehouse.write.modes.merge_by_reference import merge_by_reference, takes_vectors
from lakehouse.write.modes.mode import (
    Publication,
    Standing,
    adopts,
    deletes,
    held_bytes,
    merge_sql,
    ordering,
    publish,
    published_rows,
    put,
    standing,
    struct_of,
    viewed,
)

if TYPE_CHECKING:
    from deltalake import DeltaTable

# Staged files do not change. Delta would copy the rows into memory first and not know their size any more: a merge of
# 50,000 rows into 5,000,000 then took 23 to 29 s of CPU time instead of 6 to 9.
_STAGED = {"spark.databricks.delta.merge.materializeSource": "none"}
# A column of the statement's source: whether the change deletes its key.
DELETES = "_deletes"


@standing.register
def _(mode: Merge, table: Table) -> Standing:
    newest = tuple(f"{quote(name)} DESC NULLS LAST" for name in mode.sequence)
    # Equal sequence: a deletion wins, else any order will do, as long as it is the same at every run.
    order = (*newest, f"{deletes(mode)} DESC", f"{ordering(table.brought)} DESC")
    return Standing(mode.on, order, bool(mode.sequence), deletes(mode) if mode.delete_when else "")


@published_rows.register
def _(mode: Merge, metrics: Mapping[str, Any], good: int) -> int:
    names = ("numTargetRowsInserted", "numTargetRowsUpdated", "numTargetRowsDeleted")
    return sum(int(metrics.get(name, 0)) for name in names) if "numTargetRowsInserted" in metrics else good


def source_sql(table: Table, mode: Merge, view: str, *, remembers: bool) -> str:
    """The rows that the MERGE looks at: without those that are older than a remembered deletion of their key."""
    rows = f"SELECT *, {deletes(mode)} AS {DELETES} FROM {view}"
    if not remembers:
        return rows
    same = " AND ".join(f"d.{quote(name)} = s.{quote(name)}" for name in mode.on)
    deleted, change = struct_of("d", mode.sequence), struct_of("s", mode.sequence)
    return (
        f"SELECT s.* FROM ({rows}) AS s LEFT ANTI JOIN {quote(deleted_of(table.name))} AS d "
        f"ON {same} AND ({deleted} > {change} OR ({deleted} = {change} AND NOT s.{DELETES}))"
    )


def statement(table: Table, mode: Merge, source: str) -> str:
    """The MERGE: newer rows update or delete, new keys are inserted, older and equal ones change nothing."""
    newer = not_older = ""
    if mode.sequence:
        change, row = struct_of("s", mode.sequence), struct_of("t", mode.sequence)
        newer, not_older = f" AND {change} > {row}", f" AND {change} >= {row}"
    deleted = f"WHEN MATCHED AND s.{DELETES}{not_older} THEN DELETE " if mode.delete_when else ""
    kept = f" AND NOT s.{DELETES}" if mode.delete_when else ""
    updates = f"{deleted}WHEN MATCHED{kept}{newer}"
    return merge_sql(table.name, source, mode.on, table.column_names, updates=updates, inserts=kept)


@adopts.register(Merge)
def _(mode: Merge, delta: "DeltaTable") -> bool:
    return takes_vectors(delta) or _is_plain(mode, delta)


def _is_plain(mode: Merge, delta: "DeltaTable") -> bool:
    """Whether a batch can only add its rows: it has each key once, and there is nothing to merge them with."""
    return not mode.delete_when and not held_bytes(delta)


@publish.register
def _(mode: Merge, publication: Publication) -> int:
    # Another tool may have filled the table since it was decided to adopt.
    is_adopted = publication.adopts and adopts(mode, publication.delta)
    if not publication.rows or (is_adopted and _is_plain(mode, publication.delta)):
        return put(publication, "append")
    remembered = remember(publication, mode) if mode.sequence and mode.delete_when else None
    changed = merge_by_reference(publication, mode, remembered=remembered) if is_adopted else None
    if changed is not None:
        return changed
    session, table, stamp = publication.session, publication.table, publication.stamp
    big = publication.is_big
    with viewed(session, publication.frame(), stamp) as view, for_work(session, big=big), during(session, _STAGED):
        merge = statement(table, mode, source_sql(table, mode, view, remembers=remembered is not None))
        with stamped(session, stamp):
            done = session.sql(merge).collect()[0]
    return int(done["num_inserted_rows"]) + int(done["num_updated_rows"]) + int(done["num_deleted_rows"])
