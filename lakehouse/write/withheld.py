"""Rejected rows of a batch that was not published: in quarantine with their reasons until it is read again."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from lakehouse.declare.sql_text import literal, quote
from lakehouse.declare.table import Table, quarantine_of
from lakehouse.declare.write_modes import Append, Merge, Scd2
from lakehouse.delta.note import Note
from lakehouse.delta.partition_values import any_of, text_of
from lakehouse.delta.stamp import Stamp
from lakehouse.delta.tables import Tables
from lakehouse.engine.statement import statement
from lakehouse.quality.evidence import among, evidence, evidence_rules
from lakehouse.quality.measure.masks import broken_rules_sql, mask_names
from lakehouse.quality.results import CheckResult
from lakehouse.quality.rules.rule import RowRule
from lakehouse.quality.scope import Scoped
from lakehouse.schema.create import ensure, quarantine_table
from lakehouse.write.batch import Batch
from lakehouse.write.intent import inputs_text
from lakehouse.write.modes import functions_of
from lakehouse.write.note import who
from lakehouse.write.quarantine import REASONS, append, came_again, counts, rejected, with_reasons
from lakehouse.write.quarantine_by_reference import DISCARDED, WAITING, WITHHELD
from lakehouse.write.rejection_limit import is_over_limit
from lakehouse.write.retry import retried
from lakehouse.write.run_kind import Replayed
from lakehouse.write.stage import BAD, VERDICTS, Staged
from lakehouse.write.table_rules import blocking
from lakehouse.write.table_scope import pending_rows

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


def withhold_refused(
    tables: Tables,
    session: "SparkSession",
    table: Table,
    staged: Staged,
    *,
    rules: Scoped,
    batch: Batch,
    refused: Sequence[CheckResult] | Mapping[str, Sequence[CheckResult]],
) -> bool:
    """Keep what was refused with its reasons: the rejected rows, and those that a failed rule on the whole is about.

    Args:
        tables: The tables that the run touches.
        session: The session.
        table: The declaration.
        staged: The rows.
        rules: What they were judged by.
        batch: What came. Of a replay nothing is kept: its rows are in quarantine.
        refused: The results of the batch, or by key those of the partitions that were refused.

    Returns:
        Whether any row is withheld.
    """
    by_key = refused if isinstance(refused, Mapping) else {"": refused}
    failed = {key: results for key, results in by_key.items() if blocking(results)}
    if not failed or isinstance(batch.kind, Replayed):
        return False
    where = places(table, list(failed)) if isinstance(refused, Mapping) else "true"
    names = {result.name for results in failed.values() for result in blocking(results)}
    of_batch, of_table = (
        evidence_rules([rule for rule in scope if rule.check_name in names], dict(table.types))
        for scope in (rules.batch.on_all, rules.table.expectations)
    )
    about = bool(of_batch or of_table)
    if not about and not staged.files(BAD):
        return False
    inputs, columns = inputs_text(batch.inputs), list(map(quote, table.brought_names))
    masks = [quote(name) for name in mask_names(rules.batch.rows)]
    reasons = broken_rules_sql(rules.batch.rows)
    rows = with_reasons(staged.frame(session, BAD).select(*columns, *masks), reasons, batch.run_id, inputs)
    if about:
        passed = staged.frame(session, *(verdict for verdict in VERDICTS if verdict != BAD)).select(*columns)
        passed, among_all = _among_all(tables, table, passed, of_table, staged, batch)
        shown = evidence(passed.where(where), [*of_batch, *among_all])
        rows = rows.select(*columns, *REASONS).unionByName(
            with_reasons(shown, "_broken_rules", batch.run_id, inputs).select(*columns, *REASONS)
        )
    is_over = any(is_over_limit(results) for results in failed.values())
    why = "too many rows were rejected" if is_over else "an expectation on the whole failed"
    told = f"{why}: none of the batch was published, and the next run reads it again"
    withhold(tables, session, table, rows.where(where), run=batch.run_id, why=told, where=where)
    return True


def _among_all(
    tables: Tables, table: Table, rows: "DataFrame", rules: Sequence[RowRule], staged: Staged, batch: Batch
) -> "tuple[DataFrame, Sequence[RowRule]]":
    """Rows and rules as `among` gives them, for the table as it would have been: a key may be there already.

    Rows that replace others are compared with each other alone.
    """
    delta = tables.latest(table.name)
    if delta is None or not isinstance(table.write, Append | Merge | Scd2) or not any(r.needs_shuffle for r in rules):
        return rows, rules
    pending = pending_rows(tables, rows.sparkSession, table, staged, delta=delta, kind=batch.kind, replaced=())
    return among(functions_of(table.write).after(table.write, pending), rows, rules)


def places(table: Table, keys: Sequence[str]) -> str:
    """SQL: whether a row is of the partitions of some keys."""
    [name] = table.partitioned_by
    return any_of(({name: text_of(key, table.types[name], name)} for key in keys), table.types)


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
