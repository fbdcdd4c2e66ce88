"""What becomes of staged rows: counted, refused, judged; for a run of partitions each by itself."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from lakehouse.declare.table import Table
from lakehouse.declare.write_modes import Overwrite, ReplacePartitions
from lakehouse.delta.partition_values import Partition, any_of, text_of
from lakehouse.delta.tables import Tables
from lakehouse.errors import AuditFailedError, InvalidKeyError, PartitionMismatchError, TooManyRejectedError
from lakehouse.quality.compile import Compiled, Outcome
from lakehouse.quality.judge import CheckResult, judge
from lakehouse.quality.results import result_of
from lakehouse.quality.scope import Scoped
from lakehouse.storage import File
from lakehouse.write.batch import Batch
from lakehouse.write.modes import GOOD
from lakehouse.write.partition_results import failures_of, judged_partitions, together
from lakehouse.write.position import committed, last_position
from lakehouse.write.rejection_limit import is_over_limit, most_broken, over_limit
from lakehouse.write.run_kind import ForPartitions, Rebuilt, Replayed, RunKind, is_rebuild
from lakehouse.write.stage import BAD, TWICE, Staged
from lakehouse.write.staged_files import Counted, counted_files, partitions_of, rows_by_verdict
from lakehouse.write.table_rules import blocking, failures, is_silent, suite_name
from lakehouse.write.table_scope import judged_after, pending_rows

if TYPE_CHECKING:
    from deltalake import DeltaTable
    from pyspark.sql import DataFrame, SparkSession


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


def decide(
    tables: Tables,
    session: "SparkSession",
    table: Table,
    staged: Staged,
    *,
    rules: Scoped,
    batch: Batch,
    delta: "DeltaTable",
) -> Decision:
    """Judge staged rows, and the table as it would be with them.

    Args:
        tables: The tables that the run touches.
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
    replaces = isinstance(table.write, ReplacePartitions)
    partitioned = batch.kind if replaces and isinstance(batch.kind, ForPartitions) else None
    counted = counted_files(table, staged, table.partitioned_by if replaces else ())
    rows, partitions = rows_by_verdict(counted), partitions_of(counted, GOOD)
    _refuse_twins(table, version, rows)
    if partitioned is not None:
        _refuse_others(table, version, partitioned, partitions)
        judged = judged_partitions(session, table, staged, rules.batch, partitioned.keys)
        decision = _decide_partitions(table, judged, counted, kind=partitioned, version=version)
    else:
        limit = None if is_replay else over_limit(table, rows)
        results = (
            *([limit] if limit else []),
            *_spoken(_judged(tables, table, staged.frame(session), rows, rules, batch, delta)),
        )
        decision = Decision(batch.kind, rows, results, partitions if replaces else None, None)
    if rules.table.expectations:
        replaced = decision.replaced or ()
        pending = pending_rows(tables, session, table, staged, delta=delta, kind=decision.kind, replaced=replaced)
        after = judged_after(pending, rules.table, decision.rows[GOOD])
        decision = replace(decision, results=(*decision.results, *after))
    stopping = blocking(decision.results, is_replay=is_replay)
    if stopping:
        is_over = is_over_limit(decision.results)
        refused = TooManyRejectedError if is_over else AuditFailedError
        problems = failures([*stopping, *(most_broken(decision.results) if is_over else ())])
        raise refused(table.name, version, problems, suite_name(table.name), decision.results)
    # A partition of which every row was rejected is not replaced, and came again all the same.
    came = decision.replaced if partitioned is not None else [*(decision.replaced or ()), *partitions_of(counted, BAD)]
    return replace(decision, stale=_stale(table, decision.kind, came, delta))


def _judged(
    tables: Tables,
    table: Table,
    frame: "DataFrame",
    rows: Mapping[str, int],
    rules: Scoped,
    batch: Batch,
    delta: "DeltaTable",
) -> tuple[CheckResult, ...]:
    """The results of the rules that speak of the batch.

    Of a replay, and of no rows for a table that they would be added to, only rules on rows are judged: what came before
    still says of the others how the last batch was.
    """
    why = unjudged(table, batch.kind, rows)
    if why is None:
        return judge(frame, rules.batch, table.brought_names)
    last = last_position(tables.workspace, table.name, delta)
    before = {(result.name, result.rule): result for result in (last.results if last else ())}
    kept = [
        before.get((rule.check_name, rule.digest), result_of(rule, Outcome(True, f"not judged: {why}")))
        for rule in rules.batch.on_all
    ]
    return (*judge(frame, Compiled(rules.batch.rows), table.brought_names), *kept)


def unjudged(table: Table, kind: RunKind, rows: Mapping[str, int]) -> str | None:
    """Why the rules on the whole of a batch are not judged, in words; None if they are.

    Args:
        table: The declaration.
        kind: What the run is.
        rows: Staged rows by verdict.
    """
    adds = not (is_rebuild(kind) or isinstance(table.write, Overwrite | ReplacePartitions))
    if adds and not sum(rows.values()):
        return "no row came"
    return "rows were replayed" if isinstance(kind, Replayed) else None


def _decide_partitions(
    table: Table,
    judged: Mapping[str, Sequence[CheckResult]],
    counted: Sequence[Counted],
    *,
    kind: ForPartitions,
    version: int,
) -> Decision:
    """The same for each partition by itself: one that fails takes no part."""
    column = table.partitioned_by[0]
    places: dict[str, Partition] = {key: {column: text_of(key, table.types[column], column)} for key in kind.keys}
    limits = {
        key: over_limit(table, rows_by_verdict([read for read in counted if read.partition == place]))
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
    rows = rows_by_verdict([read for read in counted if read not in lost])
    replaced = [places[key] for key in passing.keys]
    return Decision(passing, rows, together(passed), replaced, None, passed, failed, tuple(read.file for read in lost))


def _spoken(results: Sequence[CheckResult]) -> tuple[CheckResult, ...]:
    return tuple(result for result in results if not is_silent(result))


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


def _stale(table: Table, kind: RunKind, came: Sequence[Partition] | None, delta: "DeltaTable") -> str | None:
    """Which waiting rows came again with this batch: they must not be replayed beside those that replace them.

    Before its first publish a table has read nothing: rows that wait are of one that was dropped, and all comes again.
    """
    if isinstance(kind, Replayed):
        return None
    is_first = not committed(delta, table.name)
    if isinstance(kind, Rebuilt) or isinstance(table.write, Overwrite) or table.takes_snapshots or is_first:
        return "true"
    return any_of(came or (), table.types) or None
