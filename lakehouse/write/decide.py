"""What becomes of staged rows: counted, refused, judged; for a run of partitions each by itself."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from lakehouse.declare.table import Table
from lakehouse.declare.write_modes import Overwrite, ReplacePartitions
from lakehouse.delta.file_statistics import read_adopted
from lakehouse.errors import AuditFailedError, InvalidKeyError, PartitionMismatchError
from lakehouse.quality.compile import Compiled
from lakehouse.quality.judge import CheckResult
from lakehouse.storage import delete_file
from lakehouse.write.batch import Batch
from lakehouse.write.modes import GOOD
from lakehouse.write.modes.replace_partitions import condition
from lakehouse.write.stage import TWICE, VERDICTS, Staged
from lakehouse.write.table_rules import failures, suite_name
from lakehouse.write.verdicts import blocking, failures_of, judged_partitions, judged_whole, together

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

Partition = dict[str, str | None]


@dataclass(frozen=True)
class Decision:
    """What is to be done with staged rows.

    Args:
        batch: The batch, without the partitions that failed.
        rows: Staged rows by verdict.
        results: Results of the expectations.
        replaced: The partitions that the publish replaces; None for modes that replace none.
        stale: SQL condition: waiting rows of the quarantine that came again.
        by_partition: Results by key, for a run of partitions.
        failed: Those of the partitions that must stay as they are.
    """

    batch: Batch
    rows: dict[str, int]
    results: tuple[CheckResult, ...]
    replaced: list[Partition] | None
    stale: str | None
    by_partition: Mapping[str, tuple[CheckResult, ...]] = field(default_factory=dict)
    failed: Mapping[str, tuple[CheckResult, ...]] = field(default_factory=dict)


def decide(
    session: "SparkSession", table: Table, staged: Staged, *, rules: Compiled, batch: Batch, version: int
) -> Decision:
    """Judge staged rows.

    Raises:
        AuditFailedError: a critical expectation failed, for a run of partitions in each of them.
        InvalidKeyError: rows of one key, and the write mode declares no order for them.
        PartitionMismatchError: rows of other partitions than the run's.
    """
    rows, partitions = _counted(table, staged)
    _refuse_twins(table, version, rows)
    _refuse_others(table, version, batch, partitions)
    if isinstance(table.write, ReplacePartitions) and batch.partitions is not None:
        return _decide_partitions(session, table, staged, rules=rules, batch=batch, version=version)
    results = judged_whole(session, table, staged, rules)
    stopping = blocking(results, is_replay=batch.replay is not None)
    if stopping:
        raise AuditFailedError(table.name, version, failures(stopping), suite_name(table.name), results)
    replaced = partitions if isinstance(table.write, ReplacePartitions) else None
    return Decision(batch, rows, results, replaced, _stale(table, batch, replaced))


def _decide_partitions(
    session: "SparkSession", table: Table, staged: Staged, *, rules: Compiled, batch: Batch, version: int
) -> Decision:
    """The same for each partition by itself: one that fails takes no part, its staged files are deleted."""
    judged = judged_partitions(session, table, staged, rules, batch.partitions or ())
    failed = {key: results for key, results in judged.items() if blocking(results)}
    passed = {key: results for key, results in judged.items() if key not in failed}
    keys = tuple(key for key in batch.partitions or () if key not in failed)
    if failed and not keys:
        raise AuditFailedError(
            table.name, version, failures_of(failed), suite_name(table.name), together(failed), by_partition=failed
        )
    column = table.partitioned_by[0]
    for audit in VERDICTS:
        for file in staged.files(audit):
            if failed and read_adopted(staged.root, file, set(), (column,)).partition.get(column) in failed:
                delete_file(file.path)
    rows, _ = _counted(table, staged)
    kept = replace(batch, partitions=keys, memory={key: batch.memory[key] for key in keys if key in batch.memory})
    replaced: list[Partition] = [{column: key} for key in keys]
    return Decision(kept, rows, together(passed), replaced, _stale(table, kept, replaced), passed, failed)


def _counted(table: Table, staged: Staged) -> tuple[dict[str, int], list[Partition]]:
    """Rows staged by verdict, and the partitions of the good ones, from the footers."""
    rows = dict.fromkeys(VERDICTS, 0)
    partitions: list[Partition] = []
    for audit in VERDICTS:
        for file in staged.files(audit):
            found = read_adopted(staged.root, file, set(), table.partitioned_by if audit == GOOD else ())
            rows[audit] += found.rows
            if found.partition and found.partition not in partitions:
                partitions.append(found.partition)
    return rows, partitions


def _refuse_twins(table: Table, version: int, rows: Mapping[str, int]) -> None:
    if rows[TWICE]:
        raise InvalidKeyError(
            f"{table.name} was not written, it stays at version {version}.\n"
            f"  {', '.join(table.key)}  expected one row per key in a batch, got {rows[TWICE]} rows too many\n"
            f"Declare `sequence=` of its Merge, so that the newest row of a key wins, or make the transform give one."
        )


def _refuse_others(table: Table, version: int, batch: Batch, partitions: list[Partition]) -> None:
    if batch.partitions is None or not isinstance(table.write, ReplacePartitions):
        return
    column = table.partitioned_by[0]
    others = [found for found in partitions if found[column] not in batch.partitions]
    if others:
        raise PartitionMismatchError(table.name, version, column, batch.partitions, len(others))


def _stale(table: Table, batch: Batch, replaced: list[Partition] | None) -> str | None:
    """Which waiting rows came again with this batch: they must not be replayed beside those that replace them."""
    if batch.replay is not None:
        return None
    if batch.rebuild or isinstance(table.write, Overwrite):
        return "true"
    return " OR ".join(f"({condition(table, each)})" for each in replaced) if replaced else None
