"""Merge: one row per key, the newest change of each; by reference where that can be, else by a SQL MERGE."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lakehouse.declare.names import helper
from lakehouse.declare.sql_text import quote
from lakehouse.declare.table import Table, deleted_of
from lakehouse.declare.write_modes import Merge
from lakehouse.delta.file_statistics import read_adopted
from lakehouse.delta.note import Note
from lakehouse.engine.statement import statement
from lakehouse.engine.work_settings import settings_for
from lakehouse.schema.create import KEY, key_text
from lakehouse.write.modes.deleted_keys import remember, starts_anew
from lakehouse.write.modes.merge_by_reference import can_adopt_merge, keys_twice, merge_by_reference, only_adds
from lakehouse.write.modes.mode import (
    ModeFunctions,
    Pending,
    Publication,
    Winners,
    commit_files,
    deletes,
    merge_sql,
    ordering,
    struct_of,
)
from lakehouse.write.run_kind import is_rebuild

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

# Staged files do not change. Delta would copy the rows into memory first and not know their size any more: a merge of
# 50,000 rows into 5,000,000 then took 23 to 29 s of CPU time instead of 6 to 9.
_STAGED = {"spark.databricks.delta.merge.materializeSource": "none"}
# A column of the statement's source: whether the change deletes its key.
DELETES = quote(helper("deletes"))


def winners_of_merge(mode: Merge, table: Table) -> Winners:
    """The newest row of each key."""
    newest = tuple(f"{quote(name)} DESC NULLS LAST" for name in mode.sequence)
    # Equal sequence: a deletion wins, else any order will do, as long as it is the same at every run.
    order = (*newest, f"{deletes(mode)} DESC", f"{ordering(table.brought)} DESC")
    return Winners(mode.on, order, bool(mode.sequence), deletes(mode) if mode.delete_when else "")


def published_rows_of_merge(metrics: Mapping[str, Any], good: int, note: Note) -> int:
    """Rows that were inserted, updated and deleted."""
    names = ("numTargetRowsInserted", "numTargetRowsUpdated", "numTargetRowsDeleted")
    return sum(int(metrics.get(name, 0)) for name in names) if "numTargetRowsInserted" in metrics else good


def source_sql(table: Table, mode: Merge, view: str, *, remembers: bool) -> str:
    """The rows that the MERGE looks at: without those that are older than a remembered deletion of their key."""
    rows = f"SELECT *, {deletes(mode)} AS {DELETES} FROM {view}"
    if not remembers:
        return rows
    return f"SELECT s.* FROM ({rows}) AS s LEFT ANTI JOIN {quote(deleted_of(table.name))} AS d ON {_is_late(mode)}"


def _is_late(mode: Merge) -> str:
    """SQL: whether a change `s` is older than a remembered deletion `d` of its key."""
    same = " AND ".join(f"d.{quote(name)} = s.{quote(name)}" for name in mode.on)
    deleted, change = struct_of("d", mode.sequence), struct_of("s", mode.sequence)
    return f"{same} AND ({deleted} > {change} OR ({deleted} = {change} AND NOT s.{DELETES}))"


def statement_sql(table: Table, mode: Merge, source: str) -> str:
    """The MERGE: newer rows update or delete, new keys are inserted, older and equal ones change nothing."""
    newer = not_older = ""
    if mode.sequence:
        change, row = struct_of("s", mode.sequence), struct_of("t", mode.sequence)
        newer, not_older = f" AND {change} > {row}", f" AND {change} >= {row}"
    deleted = f"WHEN MATCHED AND s.{DELETES}{not_older} THEN DELETE " if mode.delete_when else ""
    kept = f" AND NOT s.{DELETES}" if mode.delete_when else ""
    updates = f"{deleted}WHEN MATCHED{kept}{newer}"
    return merge_sql(table.name, source, mode.on, table.column_names, updates=updates, inserts=kept)


def publish_merge(mode: Merge, publication: Publication) -> int:
    """Merge the rows, by reference if that can be, else by the engine."""
    remembers = mode.sequence and mode.delete_when and (publication.rows or starts_anew(publication))
    if is_rebuild(publication.kind):
        if remembers:
            remember(publication, mode, publish_merge)
        return _replace(publication, mode)
    # Another tool may have filled the table since it was decided to adopt.
    is_adopted = publication.adopts and can_adopt_merge(mode, publication.delta)
    deleted = remember(publication, mode, publish_merge) if remembers else None
    if not publication.rows or (is_adopted and only_adds(mode, publication.delta)):
        return commit_files(publication, "append")
    changed = merge_by_reference(publication, mode, deleted=deleted) if is_adopted else None
    if changed is not None:
        return changed
    session, table = publication.session, publication.table
    settings = {**settings_for(big=publication.is_big), **_STAGED}
    with statement(session, settings=settings, stamp=publication.stamp, view=publication.frame()) as view:
        _check_keys(publication, mode, view)
        source = source_sql(table, mode, view, remembers=deleted is not None)
        done = session.sql(statement_sql(table, mode, source)).collect()[0]
    return int(done["num_inserted_rows"]) + int(done["num_updated_rows"]) + int(done["num_deleted_rows"])


def _check_keys(publication: Publication, mode: Merge, view: str) -> None:
    """Whether each key of the batch is in the table at most once; not asked if that is known of the table.

    Raises:
        InvalidKeyError: one is not.
    """
    if publication.delta.metadata().configuration.get(KEY) == key_text(publication.table):
        return
    keys = ", ".join(f"t.{quote(name)}" for name in mode.on)
    same = " AND ".join(f"t.{quote(name)} = s.{quote(name)}" for name in mode.on)
    twice = publication.session.sql(
        f"SELECT count(*) FROM (SELECT {keys} FROM {quote(publication.table.name)} AS t LEFT SEMI JOIN {view} AS s "
        f"ON {same} GROUP BY {keys} HAVING count(*) > 1)"
    ).collect()[0][0]
    if twice:
        raise keys_twice(publication.table, publication.delta.version(), twice)


def _replace(publication: Publication, mode: Merge) -> int:
    """The newest row of each key of the batch in place of all that is there; what deletes its key is no row."""
    frame, left = publication.frame, f"NOT {deletes(mode)}"
    deletions = sum(read_adopted(publication.delta.table_uri, file, set()).rows for file in publication.deletions)
    rows = publication.rows - deletions
    return commit_files(replace(publication, frame=lambda: frame().where(left), rows=rows, deletions=()), "overwrite")


def merged(mode: Merge, pending: Pending) -> "DataFrame":
    """The newest row of each key, of the table's and of the batch's, as the MERGE would leave them."""
    from pyspark.sql import functions as F

    if is_rebuild(pending.kind):
        return pending.coming
    changes = pending.good.unionByName(pending.deletions).withColumn(helper("deletes"), F.expr(deletes(mode)))
    if mode.sequence and mode.delete_when and pending.has_deleted:
        remembered = pending.session.table(quote(deleted_of(pending.table.name)))
        changes = changes.alias("s").join(remembered.alias("d"), F.expr(_is_late(mode)), "left_anti")
    same = " AND ".join(f"t.{quote(name)} = s.{quote(name)}" for name in mode.on)
    wins = "true"
    if mode.sequence:
        change, row = struct_of("s", mode.sequence), struct_of("t", mode.sequence)
        wins = f"coalesce(IF(s.{DELETES}, {change} >= {row}, {change} > {row}), false)"
    now = pending.now
    left = now.alias("t").join(changes.alias("s"), F.expr(f"{same} AND {wins}"), "left_anti")
    new = changes.where(f"NOT {DELETES}").alias("s")
    come = new.join(now.alias("t"), F.expr(f"{same} AND NOT {wins}"), "left_anti")
    return left.unionByName(come.select(*map(quote, pending.table.column_names)))


MERGE = ModeFunctions(publish_merge, winners_of_merge, can_adopt_merge, published_rows_of_merge, merged)
