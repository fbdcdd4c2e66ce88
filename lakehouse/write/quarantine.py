"""Quarantine: the rows that broke a rule, with the rules and the run, in a table of their own; what became of them."""

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from lakehouse.declare.names import helper
from lakehouse.declare.sql_text import literal, quote
from lakehouse.declare.table import Table, quarantine_of
from lakehouse.delta.deletion_vectors import read_vector
from lakehouse.delta.history import files_of
from lakehouse.delta.live_files import NotReplayableError
from lakehouse.delta.note import Note
from lakehouse.delta.partition_values import any_of
from lakehouse.delta.stamp import Stamp, is_done
from lakehouse.delta.tables import Tables
from lakehouse.engine.statement import statement
from lakehouse.quality.rules.storable import as_text, unstorable
from lakehouse.schema.create import FIXES_TYPE, UNSTORABLE, ensure, quarantine_table
from lakehouse.storage import locate
from lakehouse.workspace import Workspace
from lakehouse.write.intent import Intent
from lakehouse.write.note import who
from lakehouse.write.quarantine_by_reference import (
    DISCARDED,
    WAITING,
    WARNED,
    WITHHELD,
    Superseded,
    add_by_reference,
    breaks,
    is_possible,
)
from lakehouse.write.run_kind import ForPartitions
from lakehouse.write.stage import BAD, OLDER, PASSED, Staged
from lakehouse.write.table_rules import STORABLE_LABEL

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

REPLAYED = "replayed"
# How the reason begins for which a run discards rows that wait.
CAME_AGAIN = "came again in run "
_log = logging.getLogger(__name__)
# What `with_reasons` adds to a row.
REASONS = ("_broken_rules", "_run_id", "_inputs")
STATES = (WAITING, REPLAYED, DISCARDED, WITHHELD, WARNED)


def counts(workspace: Workspace, name: str) -> dict[str, int]:
    """Rows in the quarantine of `layer.entities` by state, without a server."""
    rows = dict.fromkeys(STATES, 0)
    target = quarantine_of(name)
    root = workspace.table_path(target)
    for path, action in files_of(workspace, target).items():
        for state, count in _states(root, path, action).items():
            rows[state] += count
    return rows


def withheld_rows(session: "SparkSession", name: str) -> "DataFrame":
    """The rows in the quarantine of `layer.entities` for which its last batch was refused."""
    return session.table(quote(quarantine_of(name))).where(f"_state = '{WITHHELD}'")


def _states(root: str, path: str, action: Mapping[str, Any]) -> Counter[str]:
    """The rows of one file of a quarantine by state, without those that its deletion vector takes away."""
    import pyarrow.parquet as pq

    store, base = locate(root)
    with store.open_input_file(f"{base}/{unquote(path)}") as stream:
        file = pq.ParquetFile(stream)
        has_state = "_state" in file.schema_arrow.names
        states = file.read(columns=["_state"])["_state"].to_pylist() if has_state else [None] * file.metadata.num_rows
    vector = action.get("deletionVector")
    deleted = read_vector(root, vector) if vector else ()
    return Counter(state or WAITING for row, state in enumerate(states) if row not in deleted)


def with_reasons(rows: "DataFrame", broken_sql: str, run: str, inputs: str) -> "DataFrame":
    """Staged rows with the rules that they break and who said so.

    Args:
        rows: As they are staged, with their masks.
        broken_sql: What gives the labels of the broken rules.
        run: The run.
        inputs: What it read, as JSON.
    """
    from pyspark.sql import functions as F

    return rows.withColumns({"_broken_rules": F.expr(broken_sql), "_run_id": F.lit(run), "_inputs": F.lit(inputs)})


def _judged(session: "SparkSession", intent: Intent, *audits: str) -> "DataFrame":
    return with_reasons(intent.staged.frame(session, *audits), intent.broken_sql, intent.run, intent.inputs_text)


def without_unstorable(table: Table, rows: "DataFrame") -> "DataFrame":
    """Rejected rows whose values can all be stored: what cannot is null, and stands as text in `_unstorable`."""
    from pyspark.sql import functions as F

    odd = {column.name: sql for column in table.brought if (sql := unstorable(column.name, column.type))}
    if not odd:
        return rows.withColumn(UNSTORABLE, F.lit(None).cast("map<string,string>"))
    texts = ", ".join(
        f"{literal(name)}, IF({sql}, {as_text(name, table.types[name])}, NULL)" for name, sql in odd.items()
    )
    held = f"map_filter(map({texts}), (name, text) -> text IS NOT NULL)"
    return rows.withColumns(
        {
            UNSTORABLE: F.expr(f"IF(cardinality({held}) = 0, NULL, {held})"),
            **{name: F.expr(f"IF({sql}, NULL, {quote(name)})") for name, sql in odd.items()},
        }
    )


def add(tables: Tables, session: "SparkSession", table: Table, intent: Intent) -> None:
    """Append the staged bad rows to the table's quarantine, once.

    Where the batch stands for rows that wait there, those are discarded in the same commit; those that were withheld
    from it are not kept, for they came again with it.
    """
    there = counts(tables.workspace, table.name)
    stale = intent.stale if intent.stale and there[WAITING] else None
    # Of a run of partitions the others are still withheld.
    own = any_of(intent.replaced or (), table.types) if isinstance(intent.kind, ForPartitions) else ""
    again = (own or "true") if there[WITHHELD] else None
    if not intent.rows[BAD] and stale is None and again is None:
        return
    target = quarantine_table(table)
    delta = ensure(tables, session, target)
    if is_done(delta, intent.stamp):
        return
    simple = intent.labels and {stale, again} <= {None, "true"} and is_possible(delta, target)
    if simple and not breaks(intent, STORABLE_LABEL):
        try:
            gone = Superseded(discards=stale is not None, forgets=again is not None)
            return add_by_reference(delta, target, intent, gone)
        except NotReplayableError as error:
            _log.info("%s: the engine adds the rows: %s", target.name, error)
    clauses = []
    if stale is not None:
        clauses.append(
            f"q._state = '{WAITING}' AND ({stale}) THEN UPDATE SET _state = '{DISCARDED}', "
            f"_state_at = current_timestamp(), _state_by = {literal(intent.who)}, "
            f"_state_why = {came_again(intent.run)}"
        )
    if again is not None:
        clauses.append(f"q._state = '{WITHHELD}' AND ({again}) THEN DELETE")
    rows = rejected(table, _judged(session, intent, BAD), WAITING, intent.who)
    append(session, target, rows, intent.stamp, clauses)


def rejected(table: Table, rows: "DataFrame", state: str, by: str, why: str | None = None) -> "DataFrame":
    """Rows with their reasons as the quarantine has them."""
    from pyspark.sql import functions as F

    rows = without_unstorable(table, rows).withColumns(
        {
            "_row_id": F.expr("uuid()"),
            "_state": F.lit(state),
            "_quarantined_at": F.current_timestamp(),
            "_state_at": F.current_timestamp(),
            "_state_by": F.lit(by),
            "_state_why": F.lit(why).cast("string"),
            "_fixes": F.expr(f"CAST(array() AS {FIXES_TYPE})"),
        }
    )
    return rows.select(*quarantine_table(table).column_names)


def append(
    session: "SparkSession", target: Table, rows: "DataFrame", stamp: Stamp, clauses: Sequence[str] = ()
) -> None:
    """Add rows to a quarantine, and change some that are there, in one commit.

    Args:
        session: The session.
        target: The quarantine.
        rows: With its columns.
        stamp: Of the commit.
        clauses: What is done to rows that are there, as of `q`: condition, THEN, action.
    """
    if not clauses:
        with statement(session, stamp=stamp):
            rows.write.format("delta").mode("append").saveAsTable(target.name)
        return
    names = ", ".join(map(quote, target.column_names))
    values = ", ".join(f"s.{quote(name)}" for name in target.column_names)
    changes = " ".join(f"WHEN NOT MATCHED BY SOURCE AND {clause}" for clause in clauses)
    with statement(session, stamp=stamp, view=rows) as view:
        session.sql(
            f"MERGE INTO {quote(target.name)} AS q USING {view} AS s ON q._row_id = s._row_id "
            f"WHEN NOT MATCHED THEN INSERT ({names}) VALUES ({values}) {changes}"
        )


def came_again(run: str) -> str:
    """SQL: why a run discards rows that wait."""
    return literal(f"{CAME_AGAIN}{run}")


def settle_replayed(session: "SparkSession", table: Table, staged: Staged, run: str) -> None:
    """Mark what a replay published, of which nothing is known but its staged files.

    Args:
        session: The session.
        table: The declaration.
        staged: The files; of their columns `_row_id` is enough.
        run: The replay.
    """
    target = quarantine_table(table)
    stamp = Stamp(None, 0, Note(target.name, run=run, action="settle", who=who()))
    with statement(session, stamp=stamp, view=staged.frame(session, *PASSED, OLDER)) as view:
        session.sql(
            f"MERGE INTO {quote(target.name)} AS q USING {view} AS s ON q._row_id = s._row_id "
            f"WHEN MATCHED AND q._state = '{WAITING}' THEN UPDATE SET _state = '{REPLAYED}', "
            f"_state_at = current_timestamp(), _state_by = {literal(who())}, _run_id = {literal(run)}"
        )


def settle(tables: Tables, session: "SparkSession", table: Table, intent: Intent) -> None:
    """Mark what a replay published, and give what failed again its new reasons; once."""
    from pyspark.sql import functions as F

    target = quarantine_table(table)
    if is_done(ensure(tables, session, target), intent.stamp):
        return
    failed = f"s.{quote(helper('failed'))}"
    passed = _judged(session, intent, *PASSED, OLDER).withColumn(helper("failed"), F.lit(False))
    rows = passed.unionByName(_judged(session, intent, BAD).withColumn(helper("failed"), F.lit(True)))
    rows = rows.select("_row_id", helper("failed"), "_broken_rules", "_run_id")
    with statement(session, stamp=intent.stamp, view=rows) as view:
        session.sql(
            f"MERGE INTO {quote(target.name)} AS q USING {view} AS s ON q._row_id = s._row_id "
            f"WHEN MATCHED AND q._state = '{WAITING}' THEN UPDATE SET "
            f"_state = if({failed}, '{WAITING}', '{REPLAYED}'), _state_at = current_timestamp(), "
            f"_state_by = {literal(intent.who)}, _run_id = s._run_id, "
            f"_broken_rules = if({failed}, s._broken_rules, q._broken_rules)"
        )
