"""Expectations on the table as it would be after a publish, judged before the commit."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from lakehouse.declare.sql_text import quote
from lakehouse.declare.table import Table, deleted_of
from lakehouse.declare.write_modes import Append, Merge, Scd2
from lakehouse.delta.history import rows_of
from lakehouse.delta.partition_values import Partition, any_of
from lakehouse.delta.tables import Tables
from lakehouse.quality.judge import audit
from lakehouse.quality.results import CheckResult, result_of
from lakehouse.quality.rules.rule import AggregateRule, Compiled
from lakehouse.quality.scope import TABLE
from lakehouse.write.modes import GOOD, functions_of
from lakehouse.write.modes.mode import Pending
from lakehouse.write.position import committed
from lakehouse.write.run_kind import Replayed, RunKind, is_rebuild
from lakehouse.write.stage import DELETION, Staged

if TYPE_CHECKING:
    from deltalake import DeltaTable
    from pyspark.sql import SparkSession


def judged_after(pending: Pending, rules: Compiled, rows: int) -> tuple[CheckResult, ...]:
    """Results of the rules that speak of the table, with the good rows of a batch as the write mode would leave them.

    The log's counts are asked if they suffice; else the rows are read once.

    Args:
        pending: The good rows, and what they come to.
        rules: Those that speak of the table.
        rows: How many rows of the batch would be in the table.
    """
    if not rules.expectations:
        return ()
    table = pending.table
    # A replay adds to a table without a key, also if its runs replace rows.
    adds = isinstance(pending.kind, Replayed) and not isinstance(table.write, Merge | Scd2)
    mode = Append() if adds else table.write
    there = rows_of(pending.delta) if isinstance(mode, Append) and not is_rebuild(pending.kind) else None
    if there is not None and not rules.rows and not rules.rest and all(map(_is_count, rules.aggregates)):
        return tuple(_counted(rule, there + rows) for rule in rules.aggregates)
    after = functions_of(mode).after(mode, pending).select(*map(quote, table.stored_names))
    return tuple(replace(result, scope=TABLE) for result in audit(after, rules))


def pending_rows(
    tables: Tables,
    session: "SparkSession",
    table: Table,
    staged: Staged,
    *,
    delta: "DeltaTable",
    kind: RunKind,
    replaced: Sequence[Partition],
) -> Pending:
    """The good rows of a batch before they are published.

    Args:
        tables: The tables that the run touches.
        session: The session.
        table: The declaration.
        staged: The rows.
        delta: The table at its latest version.
        kind: What the run is.
        replaced: The partitions that the publish replaces; rows of others are refused.
    """
    good = staged.frame(session, GOOD)
    return Pending(
        session=session,
        table=table,
        delta=delta,
        good=good.where(any_of(replaced, table.types)) if replaced else good,
        deletions=staged.frame(session, DELETION),
        kind=kind,
        replaced=tuple(replaced),
        has_deleted=committed(delta, table.name) > 0 and tables.latest(deleted_of(table.name)) is not None,
    )


def _is_count(rule: AggregateRule) -> bool:
    """Whether a rule asks for nothing but the number of all rows."""
    return (
        {sql for _, sql in rule.sql} == {"count(1)"}
        and rule.grouping is None
        and rule.then is None
        and rule.query is None
        and rule.expectation.condition is None
    )


def _counted(rule: AggregateRule, rows: int) -> CheckResult:
    outcome = rule.verdict({name: rows for name, _ in rule.sql})
    return replace(result_of(rule.expectation, outcome), scope=TABLE)
