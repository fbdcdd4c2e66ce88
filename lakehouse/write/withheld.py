"""Rejected rows of a batch that was not published: in quarantine with their reasons until it is read again."""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from lakehouse.declare.sql_text import literal, quote
from lakehouse.declare.table import Table, quarantine_of
from lakehouse.delta.note import Note
from lakehouse.delta.partition_values import any_of, text_of
from lakehouse.delta.stamp import Stamp
from lakehouse.delta.tables import Tables
from lakehouse.engine.statement import statement
from lakehouse.quality.compile import RowRule
from lakehouse.quality.measure.masks import broken_rules_sql
from lakehouse.quality.results import CheckResult
from lakehouse.schema.create import ensure, quarantine_table
from lakehouse.write.batch import Batch
from lakehouse.write.note import who
from lakehouse.write.quarantine import append, came_again, counts, rejected, with_reasons
from lakehouse.write.quarantine_by_reference import DISCARDED, WAITING, WITHHELD
from lakehouse.write.rejection_limit import is_over_limit
from lakehouse.write.retry import retried
from lakehouse.write.stage import BAD, Staged

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


def withhold_refused(
    tables: Tables,
    session: "SparkSession",
    table: Table,
    staged: Staged,
    *,
    rules: Sequence[RowRule],
    batch: Batch,
    refused: Sequence[CheckResult] | Mapping[str, Sequence[CheckResult]],
) -> None:
    """Keep the rejected rows of what was refused because they are too many; nothing for other reasons.

    Args:
        tables: The tables that the run touches.
        session: The session.
        table: The declaration.
        staged: The rows.
        rules: Those on rows, by which they were staged.
        batch: What came.
        refused: The results of the batch, or by key those of the partitions that were refused.
    """
    if isinstance(refused, Mapping):
        keys = [key for key, results in refused.items() if is_over_limit(results)]
        [name] = table.partitioned_by if keys else ("",)
        where = any_of(({name: text_of(key, table.types[name], name)} for key in keys), table.types)
    else:
        where = "true" if is_over_limit(refused) else ""
    if not where:
        return
    rows = with_reasons(
        staged.frame(session, BAD).where(where),
        broken_rules_sql(rules),
        batch.run_id,
        json.dumps(dict(batch.inputs), separators=(",", ":")),
    )
    why = "too many rows of the batch were rejected: none of it was published, and the next run reads it again"
    withhold(tables, session, table, rows, run=batch.run_id, why=why, where=where)


def withhold(
    tables: Tables, session: "SparkSession", table: Table, rows: "DataFrame", *, run: str, why: str, where: str
) -> None:
    """Keep rows that were not published, in place of those that were withheld before; the next run reads them again.

    Args:
        tables: The tables that the run touches.
        session: The session.
        table: The declaration.
        rows: As `with_reasons` gives them.
        run: The run.
        why: The reason, which stays with the rows.
        where: SQL condition: the rows withheld before that these stand for.
    """
    target = quarantine_table(table)
    ensure(tables, session, target)
    stamp = Stamp(None, 0, Note(target.name, run=run, action="withhold", who=who()))
    clauses = (
        [f"q._state = '{WITHHELD}' AND ({where}) THEN DELETE"] if counts(tables.workspace, table.name)[WITHHELD] else []
    )
    retried(target.name, lambda: append(session, target, rejected(table, rows, WITHHELD, who(), why), stamp, clauses))


def take_back(session: "SparkSession", table: Table, run: str, why: str) -> None:
    """Undo what a run did that was not published: its rows are withheld, and what it discarded waits again."""
    target = quarantine_of(table.name)
    came, discarded = f"_state = '{WAITING}' AND _run_id = {literal(run)}", f"_state_why = {came_again(run)}"
    stamp = Stamp(None, 0, Note(target, run=run, action="withhold", who=who()))
    update = (
        f"UPDATE {quote(target)} SET _state = IF(_state = '{WAITING}', '{WITHHELD}', '{WAITING}'), "
        f"_state_why = IF(_state = '{WAITING}', {literal(why)}, NULL), "
        f"_state_at = current_timestamp(), _state_by = {literal(who())} "
        f"WHERE ({came}) OR (_state = '{DISCARDED}' AND {discarded})"
    )

    def update_once() -> None:
        with statement(session, stamp=stamp):
            session.sql(update)

    retried(target, update_once)
