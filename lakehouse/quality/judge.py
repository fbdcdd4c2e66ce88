"""Judge: what was staged (or any frame) against a compiled suite, in at most three jobs. Verdicts are GX's own."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from lakehouse.quality.masks import bit_sql, mask_sql
from lakehouse.quality.results import CheckResult, Verdict, failed_check, result_of, verdict
from lakehouse.quality.rules import AggregateRule, Compiled, Grouping, Outcome, RowRule, is_met

if TYPE_CHECKING:
    from pyspark.errors import PySparkException
    from pyspark.sql import DataFrame, SparkSession

__all__ = ["CheckResult", "Verdict", "audit", "failed_check", "judge", "verdict"]

_ADAPTIVE = "spark.sql.adaptive.enabled"
_FIGURES = ("values", "repeated_rows", "members", "modes", "member_modes")
Counts = Mapping[str, Any]
Figures = Mapping[Grouping, Mapping[str, Any]]


def judge(staged: "DataFrame", compiled: Compiled, columns: Sequence[str]) -> tuple[CheckResult, ...]:
    """Judge rows that carry the masks of `compiled.rows`.

    One job counts what the masks say and computes the aggregates, one counts values where a rule asks for it, and GX does
    the rest; a job that has nothing to do is not run. An expectation that cannot be computed is a failed check.

    Args:
        staged: The table's columns and the mask columns.
        compiled: The rules, in the order of the masks' bits.
        columns: The table's columns, which GX sees.
    """
    with _one_job_each(staged.sparkSession):
        results = _judge_rows(staged, compiled)
    if compiled.rest:
        from lakehouse.quality.gx import run

        results += run(staged.select(*columns), compiled.rest)
    return tuple(results)


def audit(frame: "DataFrame", compiled: Compiled) -> tuple[CheckResult, ...]:
    """Judge a frame that was not staged; its masks are computed on the way."""
    from pyspark.sql import functions as F

    columns = frame.columns
    masks = {name: F.expr(sql) for name, sql in mask_sql(compiled.rows).items()}
    return judge(frame.withColumns(masks) if masks else frame, compiled, columns)


def _judge_rows(staged: "DataFrame", compiled: Compiled) -> list[CheckResult]:
    """The rules that the one pass knows. Where they cannot be computed together, each is computed by itself."""
    from pyspark.errors import PySparkException

    rows, aggregates = compiled.rows, compiled.aggregates
    try:
        counts, figures = _counts(staged, rows, aggregates), _figures(staged, aggregates)
    except PySparkException as error:
        if _reason(error) is None or len(rows) + len(aggregates) == 0:
            raise
        return _one_by_one(staged, compiled)
    return [_of_row(rule, index, counts) for index, rule in enumerate(rows)] + [
        _of_table(rule, counts, figures) for rule in aggregates
    ]


def _one_by_one(staged: "DataFrame", compiled: Compiled) -> list[CheckResult]:
    from pyspark.errors import PySparkException

    counts = _counts(staged, compiled.rows, ())
    results = [_of_row(rule, index, counts) for index, rule in enumerate(compiled.rows)]
    for rule in compiled.aggregates:
        try:
            results.append(_of_table(rule, _counts(staged, (), [rule]), _figures(staged, [rule])))
        except PySparkException as error:
            reason = _reason(error)
            if reason is None:
                raise
            results.append(failed_check(rule.expectation, reason))
    return results


def _reason(error: "PySparkException") -> str | None:
    """Spark's name of a failed computation, which holds no values; None for a server that does not answer."""
    return error.getCondition()


@contextmanager
def _one_job_each(session: "SparkSession") -> Iterator[None]:
    """Adaptive execution makes a job of every stage, and these queries have nothing for it to adapt."""
    before = session.conf.get(_ADAPTIVE, "true")
    session.conf.set(_ADAPTIVE, "false")
    try:
        yield
    finally:
        session.conf.set(_ADAPTIVE, before or "true")


def _named(rows: Sequence[RowRule], aggregates: Sequence[AggregateRule]) -> dict[str, str]:
    """Every aggregate expression once, with its place among the columns of the one aggregate."""
    wanted: dict[str, str] = {}
    for index, rule in enumerate(rows):
        for sql in (_count_sql(bit_sql(index)), _count_sql(rule.counted), _count_sql(rule.considered)):
            wanted.setdefault(sql, f"m{len(wanted)}")
    for aggregate in aggregates:
        for _, sql in aggregate.sql:
            wanted.setdefault(sql, f"m{len(wanted)}")
    return wanted


def _count_sql(predicate: str) -> str:
    return "count(1)" if predicate == "true" else f"count_if({predicate})"


def _counts(staged: "DataFrame", rows: Sequence[RowRule], aggregates: Sequence[AggregateRule]) -> Counts:
    """Values of all aggregate expressions by their SQL, in one job."""
    from pyspark.sql import functions as F

    wanted = _named(rows, aggregates)
    if not wanted:
        return {}
    row = staged.agg(*(F.expr(sql).alias(name) for sql, name in wanted.items())).collect()[0]
    return {sql: row[name] for sql, name in wanted.items()}


def _figures(staged: "DataFrame", aggregates: Sequence[AggregateRule]) -> Figures:
    """How often values occur, for every grouping, in one job."""
    from functools import reduce

    distinct = list(dict.fromkeys(rule.grouping for rule in aggregates if rule.grouping))
    if not distinct:
        return {}
    parts = [_figures_of(staged, grouping, number) for number, grouping in enumerate(distinct)]
    rows = reduce(lambda left, right: left.unionAll(right), parts).collect()
    return {distinct[row["grouping"]]: {name: row[name] for name in _FIGURES} for row in rows}


def _figures_of(staged: "DataFrame", grouping: Grouping, number: int) -> "DataFrame":
    from pyspark.sql import functions as F

    by_value = (
        staged.where(grouping.where)
        .groupBy(*(F.expr(key).alias(f"k{place}") for place, key in enumerate(grouping.keys)))
        .agg(F.expr("count(1)").alias("times"), F.expr(f"any_value({grouping.member})").alias("is_member"))
    )
    by_times = by_value.groupBy("times").agg(F.expr("count(1)").alias("n"), F.expr("count_if(is_member)").alias("m"))
    return by_times.agg(
        F.lit(number).alias("grouping"),
        F.expr("coalesce(sum(n), 0)").alias("values"),
        F.expr("coalesce(sum(CASE WHEN times > 1 THEN times * n END), 0)").alias("repeated_rows"),
        F.expr("coalesce(sum(m), 0)").alias("members"),
        F.expr("max_by(n, times)").alias("modes"),
        F.expr("max_by(m, times)").alias("member_modes"),
    )


def _of_row(rule: RowRule, index: int, counts: Counts) -> CheckResult:
    elements, considered = counts[_count_sql(rule.counted)], counts[_count_sql(rule.considered)]
    unexpected = counts[_count_sql(bit_sql(index))]
    success = is_met(elements, considered, unexpected, rule.expectation.mostly)
    return result_of(rule.expectation, Outcome(success, None, elements, unexpected, considered), is_row_rule=True)


def _of_table(rule: AggregateRule, counts: Counts, figures: Figures) -> CheckResult:
    values = {name: counts[sql] for name, sql in rule.sql}
    if rule.grouping:
        values |= figures[rule.grouping]
    return result_of(rule.expectation, rule.verdict(values))
