"""Results of a run of partitions: each is judged by itself, and all are told together."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from lakehouse.declare.table import Table
from lakehouse.delta.partition_values import spelled, text_of
from lakehouse.errors import Problem
from lakehouse.quality.compile import Compiled
from lakehouse.quality.judge import CheckResult, judge, judge_by
from lakehouse.quality.rules.storable import unstorable
from lakehouse.write.stage import Staged
from lakehouse.write.table_rules import blocking, failures

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def judged_partitions(
    session: "SparkSession", table: Table, staged: Staged, rules: Compiled, keys: Sequence[str]
) -> dict[str, tuple[CheckResult, ...]]:
    """The results of the staged rows of each partition, by its key; those of no rows if a key has none."""
    column, rows = table.partitioned_by[0], staged.frame(session)
    outside = unstorable(column, table.types[column])
    if outside:
        # Such a row is rejected, and of no partition that a key could name. Python could not read its value.
        rows = rows.where(f"NOT coalesce({outside}, false)")
    by_text = {
        _text(values[0], table.types[column]): results
        for values, results in judge_by(rows, rules, table.brought_names, (column,)).items()
    }
    texts = {key: text_of(key, table.types[column], column) for key in keys}
    # Rows in quarantine may be of other partitions than the run's.
    nothing = judge(rows.limit(0), rules, table.brought_names) if set(texts.values()) - by_text.keys() else ()
    return {key: by_text.get(text, nothing) for key, text in texts.items()}


def _text(value: Any, type_: str) -> str | None:
    """A value by which rows were judged, as the log spells it."""
    if type_ == "timestamp" and value is not None:
        value = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=value)
    return spelled(value)


def together(by_partition: Mapping[str, Sequence[CheckResult]]) -> tuple[CheckResult, ...]:
    """One result per check for all partitions of a run: it holds if it holds in each; counts are added."""
    by_name: dict[str, list[CheckResult]] = {}
    for results in by_partition.values():
        for result in results:
            by_name.setdefault(result.name, []).append(result)
    return tuple(_together(results) for results in by_name.values())


def _together(results: list[CheckResult]) -> CheckResult:
    if len(results) == 1:
        return results[0]
    failed = sum(not result.success for result in results)
    elements = [result.element_count for result in results if result.element_count is not None]
    unexpected = [result.unexpected_count for result in results if result.unexpected_count is not None]
    return replace(
        results[0],
        success=not failed,
        element_count=sum(elements) if elements else None,
        unexpected_count=sum(unexpected) if unexpected else None,
        unexpected_percent=None,
        missing_count=None,
        observed=f"{failed} of {len(results)} partitions fail" if failed else None,
        error=next((result.error for result in results if result.error), None),
    )


def failures_of(by_partition: Mapping[str, Sequence[CheckResult]]) -> list[Problem]:
    """Failed checks of partitions in words."""
    return [
        replace(problem, name=f"{key}: {problem.name}")
        for key, results in by_partition.items()
        for problem in failures(blocking(results))
    ]
