"""Judge: what was staged (or any frame) against a compiled suite, in at most three jobs. Verdicts are GX's own."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lakehouse.quality.masks import bit_sql, flags, mask_sql
from lakehouse.quality.results import CheckResult, Verdict, failed_check, result_of, verdict
from lakehouse.quality.rules import AggregateRule, Compiled, Grouping, Outcome, RowRule, is_met

if TYPE_CHECKING:
    from pyspark.errors import PySparkException
    from pyspark.sql import DataFrame, SparkSession

__all__ = ["CheckResult", "Verdict", "audit", "failed_check", "judge", "verdict"]

_ADAPTIVE = "spark.sql.adaptive.enabled"
_PARTITIONS = "spark.sql.shuffle.partitions"


def judge(staged: "DataFrame", compiled: Compiled, columns: Sequence[str]) -> tuple[CheckResult, ...]:
    """Judge rows that carry the masks of `compiled.rows`.

    One job counts what the masks say, computes the aggregates and counts values where a rule asks for it; GX does the
    rest, with jobs of its own. Where there is nothing to do no job is run. An expectation that cannot be computed is a
    failed check.

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

    try:
        measured = _measure(staged, compiled.rows, compiled.aggregates)
    except PySparkException as error:
        if _reason(error) is None or not compiled.aggregates:
            raise
        return _one_by_one(staged, compiled)
    return [_of_row(rule, measured) for rule in compiled.rows] + [
        _of_table(rule, measured) for rule in compiled.aggregates
    ]


def _one_by_one(staged: "DataFrame", compiled: Compiled) -> list[CheckResult]:
    from pyspark.errors import PySparkException

    measured = _measure(staged, compiled.rows, ())
    results = [_of_row(rule, measured) for rule in compiled.rows]
    for rule in compiled.aggregates:
        try:
            results.append(_of_table(rule, _measure(staged, (), [rule])))
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
    """Settings for these queries, put back afterwards.

    Adaptive execution makes a job of every stage, and these queries have nothing for it to adapt. A server tuned for
    little work may bring all values to one task, which is slow for the many values of a key.
    """
    before = {name: session.conf.get(name) for name in (_ADAPTIVE, _PARTITIONS)}
    wanted = {_ADAPTIVE: "false", _PARTITIONS: str(max(4, int(before[_PARTITIONS] or 4)))}
    changed = {name: value for name, value in wanted.items() if before[name] != value}
    for name, value in changed.items():
        session.conf.set(name, value)
    try:
        yield
    finally:
        for name in changed:
            session.conf.set(name, str(before[name]))


@dataclass(frozen=True)
class _Measured:
    """What one job found: values of aggregate expressions by their SQL, figures of values by their grouping."""

    counts: Mapping[str, Any]
    figures: Mapping[Grouping, Mapping[str, Any]]

    def count(self, predicate: str) -> int:
        """Rows of which a predicate of a row rule is true."""
        return int(self.counts[predicate])


def _measure(staged: "DataFrame", rows: Sequence[RowRule], aggregates: Sequence[AggregateRule]) -> _Measured:
    """One job: an aggregate over the masks and columns, and beside it the figures of each grouping."""
    from pyspark.sql import functions as F

    wanted: dict[str, str] = {"true": "count(1)"} if rows else {}
    wanted |= {predicate: f"count_if({bit_sql(index)})" for index, predicate in enumerate(flags(rows))}
    wanted |= {sql: sql for rule in aggregates for _, sql in rule.sql}
    groupings = list(dict.fromkeys(rule.grouping for rule in aggregates if rule.grouping))
    parts = [_figures_of(staged, grouping, number) for number, grouping in enumerate(groupings)]
    if wanted:
        named = (F.expr(sql).alias(f"m{place}") for place, sql in enumerate(wanted.values()))
        parts.insert(0, staged.agg(F.lit(-1).alias("grouping"), *named))
    if not parts:
        return _Measured({}, {})
    found = {row["grouping"]: row for row in _union(parts).collect()}
    return _Measured(
        counts={key: found[-1][f"m{place}"] for place, key in enumerate(wanted)},
        figures={each: found[number].asDict() for number, each in enumerate(groupings)},
    )


def _union(parts: Sequence["DataFrame"]) -> "DataFrame":
    whole = parts[0]
    for part in parts[1:]:
        whole = whole.unionByName(part, allowMissingColumns=True)
    return whole


def _figures_of(staged: "DataFrame", grouping: Grouping, number: int) -> "DataFrame":
    from pyspark.sql import functions as F

    by_value = (
        staged.where(grouping.where)
        .groupBy(*(F.expr(key).alias(f"k{place}") for place, key in enumerate(grouping.keys)))
        .agg(F.expr("count(1)").alias("times"), F.expr(f"any_value({grouping.member})").alias("is_member"))
    )
    figures = {
        "grouping": str(number),
        "values": "count(1)",
        "repeated_rows": "coalesce(sum(CASE WHEN times > 1 THEN times END), 0)",
        "members": "count_if(is_member)",
    }
    if grouping.modes:
        by_value = by_value.groupBy("times").agg(
            F.expr("count(1)").alias("n"), F.expr("count_if(is_member)").alias("m")
        )
        figures = {
            "grouping": str(number),
            "values": "coalesce(sum(n), 0)",
            "repeated_rows": "coalesce(sum(CASE WHEN times > 1 THEN times * n END), 0)",
            "members": "coalesce(sum(m), 0)",
            "modes": "max_by(n, times)",
            "member_modes": "max_by(m, times)",
        }
    return by_value.agg(*(F.expr(sql).alias(name) for name, sql in figures.items()))


def _of_row(rule: RowRule, measured: _Measured) -> CheckResult:
    elements, considered = measured.count(rule.counted), measured.count(rule.considered)
    unexpected = measured.count(rule.broken)
    success = is_met(elements, considered, unexpected, rule.expectation.mostly)
    return result_of(rule.expectation, Outcome(success, None, elements, unexpected, considered), is_row_rule=True)


def _of_table(rule: AggregateRule, measured: _Measured) -> CheckResult:
    values = {name: measured.counts[sql] for name, sql in rule.sql}
    if rule.grouping:
        values |= measured.figures[rule.grouping]
    return result_of(rule.expectation, rule.verdict(values))
