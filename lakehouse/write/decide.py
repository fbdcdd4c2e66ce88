"""What becomes of staged rows: counted, refused, judged; for a run of partitions each by itself."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from lakehouse.declare.table import Table
from lakehouse.declare.write_modes import Overwrite, ReplacePartitions
from lakehouse.delta.file_statistics import read_adopted
from lakehouse.delta.partition_values import Partition, condition, spelled, text_of
from lakehouse.errors import AuditFailedError, InvalidKeyError, PartitionMismatchError, Problem
from lakehouse.quality.compile import Compiled
from lakehouse.quality.judge import CheckResult, judge, judge_by, verdict
from lakehouse.storage import delete_file
from lakehouse.write.batch import Batch
from lakehouse.write.modes import GOOD
from lakehouse.write.position import committed
from lakehouse.write.run_kind import ForPartitions, Rebuilt, Replayed, RunKind
from lakehouse.write.stage import TWICE, VERDICTS, Staged
from lakehouse.write.table_rules import failures, is_silent, suite_name

if TYPE_CHECKING:
    from deltalake import DeltaTable
    from pyspark.sql import SparkSession


@dataclass(frozen=True)
class Decision:
    """What is to be done with staged rows.

    Args:
        kind: What the run is, without the partitions that failed.
        rows: Staged rows by verdict.
        results: Results of the expectations.
        replaced: The partitions that the publish replaces; None for modes that replace none.
        stale: SQL condition: waiting rows of the quarantine that came again; None for none.
        by_partition: Results by key, for a run of partitions.
        failed: Those of the partitions that must stay as they are.
    """

    kind: RunKind
    rows: dict[str, int]
    results: tuple[CheckResult, ...]
    replaced: Sequence[Partition] | None
    stale: str | None
    by_partition: Mapping[str, tuple[CheckResult, ...]] = field(default_factory=dict)
    failed: Mapping[str, tuple[CheckResult, ...]] = field(default_factory=dict)


def decide(
    session: "SparkSession", table: Table, staged: Staged, *, rules: Compiled, batch: Batch, delta: "DeltaTable"
) -> Decision:
    """Judge staged rows.

    Args:
        session: The session.
        table: The declaration.
        staged: The rows.
        rules: What they are judged by.
        batch: What came.
        delta: The table as it is.

    Raises:
        AuditFailedError: a critical expectation failed, for a run of partitions in each of them.
        InvalidKeyError: rows of one key, and the write mode declares no order for them.
        PartitionMismatchError: rows of other partitions than the run's.
    """
    version = delta.version()
    rows, partitions = _counted(table, staged)
    _refuse_twins(table, version, rows)
    if isinstance(table.write, ReplacePartitions) and isinstance(batch.kind, ForPartitions):
        _refuse_others(table, version, batch.kind, partitions)
        decision = _decide_partitions(session, table, staged, rules=rules, kind=batch.kind, version=version)
        return replace(decision, stale=_stale(table, decision.kind, decision.replaced, delta))
    results = _spoken(judge(staged.frame(session), rules, table.brought_names))
    stopping = blocking(results, is_replay=isinstance(batch.kind, Replayed))
    if stopping:
        raise AuditFailedError(table.name, version, failures(stopping), suite_name(table.name), results)
    replaced = partitions if isinstance(table.write, ReplacePartitions) else None
    return Decision(batch.kind, rows, results, replaced, _stale(table, batch.kind, replaced, delta))


def _decide_partitions(
    session: "SparkSession", table: Table, staged: Staged, *, rules: Compiled, kind: ForPartitions, version: int
) -> Decision:
    """The same for each partition by itself: one that fails takes no part, its staged files are deleted."""
    judged = {
        key: _spoken(results) for key, results in _judged_partitions(session, table, staged, rules, kind.keys).items()
    }
    failed = {key: results for key, results in judged.items() if blocking(results)}
    passed = {key: results for key, results in judged.items() if key not in failed}
    passing = kind.without(failed)
    if failed and not passing.keys:
        raise AuditFailedError(
            table.name, version, failures_of(failed), suite_name(table.name), together(failed), by_partition=failed
        )
    column = table.partitioned_by[0]
    lost = {text_of(key, table.types[column], column) for key in failed}
    for audit in VERDICTS if lost else ():
        for file in staged.files(audit):
            if read_adopted(staged.root, file, set(), (column,)).partition.get(column) in lost:
                delete_file(file.path)
    rows, _ = _counted(table, staged)
    replaced: list[Partition] = [{column: text_of(key, table.types[column], column)} for key in passing.keys]
    return Decision(passing, rows, together(passed), replaced, None, passed, failed)


def _spoken(results: Sequence[CheckResult]) -> tuple[CheckResult, ...]:
    return tuple(result for result in results if not is_silent(result))


def _counted(table: Table, staged: Staged) -> tuple[dict[str, int], list[Partition]]:
    """Rows staged by verdict, and the partitions of the good ones, from the footers."""
    rows = dict.fromkeys(VERDICTS, 0)
    partitions: list[Partition] = []
    for audit in VERDICTS:
        for file in staged.files(audit):
            adopted = read_adopted(staged.root, file, set(), table.partitioned_by if audit == GOOD else ())
            rows[audit] += adopted.rows
            if adopted.partition and adopted.partition not in partitions:
                partitions.append(adopted.partition)
    return rows, partitions


def _refuse_twins(table: Table, version: int, rows: Mapping[str, int]) -> None:
    if rows[TWICE]:
        raise InvalidKeyError(
            f"{table.name} was not written, it stays at version {version}.\n"
            f"  {', '.join(table.key)}  expected one row per key in a batch, got {rows[TWICE]} rows too many\n"
            f"Declare `sequence=` of its Merge, so that the newest row of a key wins, or make the transform give one."
        )


def _refuse_others(table: Table, version: int, kind: ForPartitions, partitions: Sequence[Partition]) -> None:
    column = table.partitioned_by[0]
    asked = {text_of(key, table.types[column], column) for key in kind.keys}
    others = [partition for partition in partitions if partition[column] not in asked]
    if others:
        raise PartitionMismatchError(table.name, version, column, kind.keys, len(others))


def _stale(table: Table, kind: RunKind, replaced: Sequence[Partition] | None, delta: "DeltaTable") -> str | None:
    """Which waiting rows came again with this batch: they must not be replayed beside those that replace them.

    Before its first publish a table has read nothing: rows that wait are of one that was dropped, and all comes again.
    """
    if isinstance(kind, Replayed):
        return None
    is_first = not committed(delta, table.name)
    if isinstance(kind, Rebuilt) or isinstance(table.write, Overwrite) or table.takes_snapshots or is_first:
        return "true"
    return " OR ".join(f"({condition(partition, table.types)})" for partition in replaced) if replaced else None


def blocking(results: Sequence[CheckResult], *, is_replay: bool = False) -> list[CheckResult]:
    """Checks that forbid the publish. A replay is not stopped by rows: those that fail stay where they are."""
    return [result for result in verdict(results).blocking if not (is_replay and result.is_row_rule)]


def _judged_partitions(
    session: "SparkSession", table: Table, staged: Staged, rules: Compiled, keys: Sequence[str]
) -> dict[str, tuple[CheckResult, ...]]:
    """The results of the staged rows of each partition, by its key; those of no rows if a key has none."""
    column, rows = table.partitioned_by[0], staged.frame(session)
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
