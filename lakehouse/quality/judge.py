"""Judge: what was staged (or any frame) against a compiled suite, in at most three jobs. Verdicts are GX's own."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from lakehouse.declare.sql_text import quote
from lakehouse.engine.work_settings import one_job_each
from lakehouse.quality.measure.masks import masked
from lakehouse.quality.measure.measure import Measured, measure
from lakehouse.quality.measure.rows import Key, Rows
from lakehouse.quality.results import CheckResult, Verdict, failed_check, result_of, verdict
from lakehouse.quality.rules.references import observed
from lakehouse.quality.rules.rule import AggregateRule, Compiled, Outcome, RowRule, is_met

if TYPE_CHECKING:
    from pyspark.errors import PySparkException
    from pyspark.sql import DataFrame

__all__ = ["CheckResult", "Verdict", "audit", "failed_check", "judge", "judge_by", "verdict"]


def judge(staged: "DataFrame", compiled: Compiled, columns: Sequence[str]) -> tuple[CheckResult, ...]:
    """Judge rows that carry the masks of `compiled.rows`.

    One job counts what the masks say, computes the aggregates and counts values where a rule asks for it; a second one
    is run where a rule needs what the first has found, or is a query. GX does the rest, with jobs of its own. Where
    there is nothing to do no job is run. An expectation that cannot be computed is a failed check.

    Args:
        staged: The table's columns and the mask columns.
        compiled: The rules, in the order of the masks' bits.
        columns: The table's columns, which queries and GX see.
    """
    return judge_by(staged, compiled, columns, ())[()]


def judge_by(
    staged: "DataFrame", compiled: Compiled, columns: Sequence[str], by: Sequence[str]
) -> Mapping[Key, tuple[CheckResult, ...]]:
    """Judge rows partition by partition, in as many jobs as `judge` takes for all of them.

    Args:
        staged: As for `judge`.
        compiled: As for `judge`.
        columns: As for `judge`.
        by: The partition columns.

    Returns:
        For each partition that has rows, by its values: what `judge` says of its rows alone. On all rows together are
        judged only: what GX itself judges, which stands in each partition's results; and a critical uniqueness with
        `mostly` below 1, whose rows were marked while all of them were staged. A partition without rows is not in the
        mapping.
    """
    return _judge(Rows(staged, staged.select(*map(quote, columns)), tuple(by)), compiled)


def audit(frame: "DataFrame", compiled: Compiled) -> tuple[CheckResult, ...]:
    """Judge a frame that was not staged; its masks are computed on the way."""
    return _judge(Rows(masked(frame, compiled.rows), frame), compiled)[()]


def _judge(rows: Rows, compiled: Compiled) -> Mapping[Key, tuple[CheckResult, ...]]:
    results: Mapping[Key, list[CheckResult]] = {} if rows.by else {(): []}
    if compiled.rows or compiled.aggregates or rows.by:
        with one_job_each(rows.table):
            results = _judge_rows(rows, compiled)
    rest: tuple[CheckResult, ...] = ()
    if compiled.rest and results:
        from lakehouse.quality.gx import run

        rest = run(rows.table, compiled.rest)
    return {key: (*judged, *rest) for key, judged in results.items()}


def _judge_rows(rows: Rows, compiled: Compiled) -> dict[Key, list[CheckResult]]:
    """The rules that the one pass knows. Where they cannot be computed together, each is computed by itself."""
    from pyspark.errors import PySparkException

    try:
        measured = measure(rows, compiled.rows, compiled.aggregates)
    except PySparkException as error:
        if _reason(error) is None or not compiled.aggregates:
            raise
        return _one_by_one(rows, compiled)
    return {
        key: [_of_row(rule, of_part) for rule in compiled.rows]
        + [_of_table(rule, of_part) for rule in compiled.aggregates]
        for key, of_part in measured.items()
    }


def _one_by_one(rows: Rows, compiled: Compiled) -> dict[Key, list[CheckResult]]:
    from pyspark.errors import PySparkException

    by_row = measure(rows, compiled.rows, ())
    results = {key: [_of_row(rule, of_part) for rule in compiled.rows] for key, of_part in by_row.items()}
    for rule in compiled.aggregates:
        try:
            measured = measure(rows, (), [rule])
        except PySparkException as error:
            reason = _reason(error)
            if reason is None:
                raise
            for listed in results.values():
                listed.append(failed_check(rule.expectation, reason))
        else:
            for key, of_part in measured.items():
                results[key].append(_of_table(rule, of_part))
    return results


def _reason(error: "PySparkException") -> str | None:
    """Spark's name of a failed computation, which holds no values; None for a server that does not answer."""
    return error.getCondition()


def _of_row(rule: RowRule, measured: Measured) -> CheckResult:
    elements, considered = measured.count(rule.counted), measured.count(rule.considered)
    unexpected = measured.count(rule.broken)
    success = is_met(elements, considered, unexpected, rule.expectation.mostly)
    outcome = Outcome(success, observed(rule), elements, unexpected, considered)
    return result_of(rule.expectation, outcome, is_row_rule=True)


def _of_table(rule: AggregateRule, measured: Measured) -> CheckResult:
    return result_of(rule.expectation, rule.verdict(measured.values(rule)))
