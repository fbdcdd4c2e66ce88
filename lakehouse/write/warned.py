"""Rows that a failed warning on the whole is about: beside a table's rejected rows until the rule is judged again."""

import logging
from collections.abc import Iterator, Sequence
from functools import reduce
from typing import TYPE_CHECKING

from lakehouse.declare.sql_text import quote
from lakehouse.declare.table import Table
from lakehouse.delta.note import Note
from lakehouse.delta.partition_values import any_of
from lakehouse.delta.stamp import Stamp
from lakehouse.delta.tables import Tables
from lakehouse.engine.statement import statement
from lakehouse.errors import LakehouseError
from lakehouse.quality.evidence import LIMIT, among, evidence, evidence_rules
from lakehouse.quality.results import CheckResult
from lakehouse.quality.rules.rule import RowRule
from lakehouse.quality.scope import BATCH, TABLE, by_scope
from lakehouse.quality.suite.expectation import Expectation
from lakehouse.schema.create import ensure, quarantine_table
from lakehouse.workspace import Workspace
from lakehouse.write.decide import unjudged
from lakehouse.write.intent import Intent
from lakehouse.write.modes.mode import rows_at
from lakehouse.write.note import who
from lakehouse.write.quarantine import REASONS, append, counts, rejected, with_reasons
from lakehouse.write.quarantine_by_reference import WARNED
from lakehouse.write.retry import retried
from lakehouse.write.run_kind import ForPartitions
from lakehouse.write.table_rules import rules_of, suite_of
from lakehouse.write.withheld import places

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_log = logging.getLogger(__name__)
# Of a run of partitions the first ones that fail are looked at.
_PARTITIONS = 10
# Why such a row is there, by the scope of the rule.
_WHY = {scope: f"a warning on the {scope} is about it, which was published" for scope in (BATCH, TABLE)}


def keep_warned(tables: Tables, session: "SparkSession", table: Table, intent: Intent, version: int) -> tuple[str, ...]:
    """Keep the rows that the failed warnings of a publish are about, in place of those of the publishes before.

    The rows are published by now. What the engine, a log, a file or the suite has against this is said and changes
    nothing: what was kept before stays until the next publish.

    Args:
        tables: The tables that the run touches.
        session: The session.
        table: The declaration.
        intent: The decision. Its staged rows are still there.
        version: What it became.

    Returns:
        What the reader of the run should know.
    """
    from deltalake.exceptions import DeltaError
    from pyarrow.lib import ArrowException
    from pyspark.errors import PySparkException

    try:
        return _replaced(tables, session, table, intent, version)
    except (LakehouseError, PySparkException, DeltaError, ArrowException, OSError) as error:
        # Its text may have values of rows.
        said = f"The rows that the warnings on {table.name} are about were not kept ({type(error).__name__})."
        _log.warning("%s", said)
        return (said,)


def _replaced(tables: Tables, session: "SparkSession", table: Table, intent: Intent, version: int) -> tuple[str, ...]:
    is_warned = any(_failed(results) for results in (intent.results, *intent.results_by_partition.values()))
    there = counts(tables.workspace, table.name)[WARNED]
    if not (is_warned or there):
        return ()
    is_judged = unjudged(table, intent.kind, intent.rows) is None
    shown = list(_shown(tables.workspace, session, table, intent, version, is_judged=is_judged)) if is_warned else []
    if not (shown or there):
        return ()
    target = quarantine_table(table)
    ensure(tables, session, target)
    stamp = Stamp(None, 0, Note(target.name, run=intent.run, action="warn", who=who()))
    own = any_of(intent.replaced or (), table.types) if isinstance(intent.kind, ForPartitions) else ""
    of_batch = f" OR ({own or 'true'})" if is_judged else ""
    gone = f"_state = '{WARNED}' AND (_state_why = '{_WHY[TABLE]}'{of_batch})"

    def replace_once() -> None:
        if shown:
            rows = reduce(lambda one, other: one.unionByName(other), shown).limit(LIMIT)
            append(session, target, rows, stamp, [f"{gone} THEN DELETE"] if there else [])
        else:
            with statement(session, stamp=stamp):
                session.sql(f"DELETE FROM {quote(target.name)} WHERE {gone}")

    retried(target.name, replace_once)
    if not (shown and counts(tables.workspace, table.name)[WARNED]):
        return ()
    return (f"`lakehouse quarantine show {table.name}` has rows that its warnings are about.",)


def _failed(results: Sequence[CheckResult]) -> frozenset[tuple[str, str | None]]:
    """Name and digest of the warnings on the whole that failed, and could be computed."""
    return frozenset(
        (result.name, result.rule)
        for result in results
        if result.severity == "warning" and not result.success and not result.is_row_rule and result.error is None
    )


def _shown(
    workspace: Workspace, session: "SparkSession", table: Table, intent: Intent, version: int, *, is_judged: bool
) -> "Iterator[DataFrame]":
    """The rows as the quarantine has them: those of the batch, if it was judged, and those of the whole table."""
    rules = by_scope(rules_of(table, suite_of(workspace, table)), table)
    columns = [quote(name) for name in table.brought_names]

    def kept(rows: "DataFrame", scope: str) -> "DataFrame":
        told = with_reasons(rows, "_broken_rules", intent.run, intent.inputs_text)
        return rejected(table, told.select(*columns, *REASONS), WARNED, who(), _WHY[scope])

    by_key = intent.results_by_partition or {"": intent.results}
    failed = {key: _about(rules.batch.on_all, results, BATCH, table) for key, results in by_key.items()}
    for key in [key for key, about in failed.items() if about and is_judged][:_PARTITIONS]:
        where = places(table, [key]) if intent.results_by_partition else "true"
        batch = intent.staged.frame(session).select(*columns).where(where)
        yield kept(evidence(batch, failed[key]), BATCH)
    about = _about(rules.table.expectations, intent.results, TABLE, table)
    if about:
        stored = session.sql(f"SELECT * FROM {rows_at(table, version)}")
        yield kept(_with_all(table, evidence(*among(stored, stored, about))), TABLE)


def _about(
    expectations: Sequence[Expectation], results: Sequence[CheckResult], scope: str, table: Table
) -> list[RowRule]:
    """Rules that tell the rows that failed warnings of one scope are about."""
    failed = _failed([result for result in results if result.scope == scope])
    judged = [rule for rule in expectations if (rule.check_name, rule.digest) in failed]
    return evidence_rules(judged, table.types)


def _with_all(table: Table, rows: "DataFrame") -> "DataFrame":
    """Stored rows with the columns of a batch: null for a signal, which no table has."""
    from pyspark.sql import functions as F

    signals = {name: type_ for name, type_ in table.types.items() if name not in rows.columns}
    return rows.withColumns({name: F.lit(None).cast(type_) for name, type_ in signals.items()}) if signals else rows
