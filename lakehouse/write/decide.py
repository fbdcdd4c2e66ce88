"""What becomes of staged rows: counted, refused, judged; for a run of partitions each by itself."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from lakehouse.declare.table import Table
from lakehouse.declare.write_modes import Overwrite, ReplacePartitions
from lakehouse.delta.file_statistics import Adopted, read_adopted
from lakehouse.delta.partition_values import Partition, any_of, spelled, text_of
from lakehouse.errors import (
    AuditFailedError,
    InvalidKeyError,
    LakehouseError,
    PartitionMismatchError,
    Problem,
    TooManyRejectedError,
)
from lakehouse.quality.compile import Compiled
from lakehouse.quality.judge import CheckResult, judge, judge_by, verdict
from lakehouse.quality.rules.storable import unstorable
from lakehouse.storage import File
from lakehouse.write.batch import Batch
from lakehouse.write.modes import GOOD
from lakehouse.write.position import committed
from lakehouse.write.rejection_limit import most_broken, over_limit
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
        lost: The staged files of these.
    """

    kind: RunKind
    rows: dict[str, int]
    results: tuple[CheckResult, ...]
    replaced: Sequence[Partition] | None
    stale: str | None
    by_partition: Mapping[str, tuple[CheckResult, ...]] = field(default_factory=dict)
    failed: Mapping[str, tuple[CheckResult, ...]] = field(default_factory=dict)
    lost: tuple[File, ...] = ()


@dataclass(frozen=True)
class _Counted:
    """A staged file.

    Args:
        verdict: Of its rows.
        file: Where it is.
        rows: How many it has.
        partition: Of its rows; None where it does not matter, and of rejected rows whose value no log can hold.
    """

    verdict: str
    file: File
    rows: int
    partition: Partition | None


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
        TooManyRejectedError: more rows were rejected than the table allows.
        InvalidKeyError: rows of one key, and the write mode declares no order for them.
        PartitionMismatchError: rows of other partitions than the run's.
        LakehouseError: a good row has a value that no commit can hold.
    """
    version, is_replay = delta.version(), isinstance(batch.kind, Replayed)
    by_partition = isinstance(table.write, ReplacePartitions) and isinstance(batch.kind, ForPartitions)
    counted = _counted(table, staged, table.partitioned_by if by_partition else ())
    rows, partitions = _rows(counted), _partitions(counted)
    _refuse_twins(table, version, rows)
    if by_partition and isinstance(batch.kind, ForPartitions):
        _refuse_others(table, version, batch.kind, partitions)
        judged = _judged_partitions(session, table, staged, rules, batch.kind.keys)
        decision = _decide_partitions(table, judged, counted, kind=batch.kind, version=version)
        return replace(decision, stale=_stale(table, decision.kind, decision.replaced, delta))
    limit = None if is_replay else over_limit(table, rows)
    results = (*([limit] if limit else []), *_spoken(judge(staged.frame(session), rules, table.brought_names)))
    stopping = blocking(results, is_replay=is_replay)
    if stopping:
        refused = TooManyRejectedError if limit else AuditFailedError
        problems = failures([*stopping, *(most_broken(results) if limit else ())])
        raise refused(table.name, version, problems, suite_name(table.name), results)
    replaced = partitions if isinstance(table.write, ReplacePartitions) else None
    return Decision(batch.kind, rows, results, replaced, _stale(table, batch.kind, replaced, delta))


def _decide_partitions(
    table: Table,
    judged: Mapping[str, Sequence[CheckResult]],
    counted: Sequence[_Counted],
    *,
    kind: ForPartitions,
    version: int,
) -> Decision:
    """The same for each partition by itself: one that fails takes no part."""
    column = table.partitioned_by[0]
    places: dict[str, Partition] = {key: {column: text_of(key, table.types[column], column)} for key in kind.keys}
    limits = {
        key: over_limit(table, _rows([read for read in counted if read.partition == place]))
        for key, place in places.items()
    }
    results = {key: (*filter(None, [limits[key]]), *_spoken(of_key)) for key, of_key in judged.items()}
    failed = {key: of_key for key, of_key in results.items() if blocking(of_key)}
    passed = {key: of_key for key, of_key in results.items() if key not in failed}
    passing = kind.without(failed)
    if failed and not passing.keys:
        raise AuditFailedError(
            table.name, version, failures_of(failed), suite_name(table.name), together(failed), by_partition=failed
        )
    lost = [read for read in counted if read.partition in [places[key] for key in failed]]
    rows = _rows([read for read in counted if read not in lost])
    replaced = [places[key] for key in passing.keys]
    return Decision(passing, rows, together(passed), replaced, None, passed, failed, tuple(read.file for read in lost))


def _spoken(results: Sequence[CheckResult]) -> tuple[CheckResult, ...]:
    return tuple(result for result in results if not is_silent(result))


def _counted(table: Table, staged: Staged, by: Sequence[str]) -> list[_Counted]:
    """The staged files, from their footers; what a commit says of the good ones is computed on the way.

    Args:
        table: The declaration.
        staged: The rows.
        by: The columns by which rows that did not pass are told apart too.

    Raises:
        LakehouseError: a good row has a value that no commit can hold.
    """
    counted = []
    for audit in VERDICTS:
        for file in staged.files(audit):
            if audit == GOOD:
                adopted = read_adopted(staged.root, file, set(table.stored_names), table.partitioned_by)
            else:
                adopted = _rejected(staged, file, by)
            counted.append(_Counted(audit, file, adopted.rows, adopted.partition or None))
    return counted


def _rejected(staged: Staged, file: File, by: Sequence[str]) -> Adopted:
    try:
        return read_adopted(staged.root, file, set(), by)
    except LakehouseError:
        # The value of its partition is what it was rejected for: no key of a run names it.
        return read_adopted(staged.root, file, set())


def _rows(counted: Sequence[_Counted]) -> dict[str, int]:
    rows = dict.fromkeys(VERDICTS, 0)
    for read in counted:
        rows[read.verdict] += read.rows
    return rows


def _partitions(counted: Sequence[_Counted]) -> list[Partition]:
    """The partitions of the good rows, each once."""
    partitions: list[Partition] = []
    for read in counted:
        if read.verdict == GOOD and read.partition is not None and read.partition not in partitions:
            partitions.append(read.partition)
    return partitions


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
    if isinstance(kind, Rebuilt) or isinstance(table.write, Overwrite) or is_first:
        return "true"
    return any_of(replaced or (), table.types) or None


def blocking(results: Sequence[CheckResult], *, is_replay: bool = False) -> list[CheckResult]:
    """Checks that forbid the publish. A replay is not stopped by rows: those that fail stay where they are."""
    return [result for result in verdict(results).blocking if not (is_replay and result.is_row_rule)]


def _judged_partitions(
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
