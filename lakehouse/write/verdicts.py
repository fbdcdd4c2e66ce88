"""Judgement at the door: of a whole batch, or of each partition of a run by itself."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from lakehouse.declare.table import Table
from lakehouse.errors import Problem
from lakehouse.quality.compile import Compiled
from lakehouse.quality.judge import CheckResult, judge, judge_by, verdict
from lakehouse.write.stage import Staged
from lakehouse.write.table_rules import failures

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def blocking(results: Sequence[CheckResult], *, is_replay: bool = False) -> list[CheckResult]:
    """Checks that forbid the publish. A replay is not stopped by rows: those that fail stay where they are."""
    return [each for each in verdict(results).blocking if not (is_replay and each.is_row_rule)]


def judged_whole(session: "SparkSession", table: Table, staged: Staged, rules: Compiled) -> tuple[CheckResult, ...]:
    """The results of the staged rows."""
    return judge(staged.frame(session), rules, table.brought_names)


def judged_partitions(
    session: "SparkSession", table: Table, staged: Staged, rules: Compiled, keys: Sequence[str]
) -> dict[str, tuple[CheckResult, ...]]:
    """The results of the staged rows of each partition, by its key; those of no rows where a key has none."""
    column, rows = table.partitioned_by[0], staged.frame(session)
    found = {
        _key(values[0]): results for values, results in judge_by(rows, rules, table.brought_names, (column,)).items()
    }
    lacking = [key for key in keys if key not in found]
    if lacking:
        found |= dict.fromkeys(lacking, judge(rows.limit(0), rules, table.brought_names))
    return found


def _key(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def together(by_partition: Mapping[str, Sequence[CheckResult]]) -> tuple[CheckResult, ...]:
    """One result per check for all partitions of a run: it holds where it holds in each; counts are added."""
    grouped: dict[str, list[CheckResult]] = {}
    for results in by_partition.values():
        for result in results:
            grouped.setdefault(result.name, []).append(result)
    return tuple(_together(each) for each in grouped.values())


def _together(results: list[CheckResult]) -> CheckResult:
    if len(results) == 1:
        return results[0]
    failed = sum(not each.success for each in results)
    counted = [each for each in results if each.element_count is not None]
    unexpected = [each.unexpected_count for each in results if each.unexpected_count is not None]
    return replace(
        results[0],
        success=not failed,
        element_count=sum(each.element_count or 0 for each in counted) if counted else None,
        unexpected_count=sum(unexpected) if unexpected else None,
        unexpected_percent=None,
        missing_count=None,
        observed=f"{failed} of {len(results)} partitions fail" if failed else None,
        error=next((each.error for each in results if each.error), None),
    )


def failures_of(by_partition: Mapping[str, Sequence[CheckResult]]) -> list[Problem]:
    """Failed checks of partitions in words."""
    return [
        replace(problem, name=f"{key}: {problem.name}")
        for key, results in by_partition.items()
        for problem in failures(blocking(results))
    ]
