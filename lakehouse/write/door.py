"""The door: how a frame becomes a version. Shape, stage, judge, decide, quarantine, publish, report."""

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from lakehouse.errors import AuditFailedError, InvalidKeyError, PartitionMismatchError
from lakehouse.history import open_table
from lakehouse.lease import check
from lakehouse.modes import Append, Merge, Overwrite, ReplacePartitions, Scd2
from lakehouse.position import committed, forget_positions, last_position, prepare_position
from lakehouse.quality.compile import Compiled, broken_rules_sql
from lakehouse.quality.judge import CheckResult, judge, verdict
from lakehouse.storage import delete_folder, sync
from lakehouse.table import Table, quarantine_of
from lakehouse.workspace import Workspace
from lakehouse.write import quarantine
from lakehouse.write.batch import Batch, Published
from lakehouse.write.catalog import ensure
from lakehouse.write.checks import record
from lakehouse.write.conflicts import retried
from lakehouse.write.footers import read_adopted
from lakehouse.write.intent import Intent, close_intent, open_intent, save_intent
from lakehouse.write.modes import GOOD, Publication, publish, published_rows
from lakehouse.write.modes.replace_partitions import condition
from lakehouse.write.note import note_of, position_of_note
from lakehouse.write.publish import is_done
from lakehouse.write.rules import failures, rules_of, suite_name, suite_of
from lakehouse.write.shape import check_shape
from lakehouse.write.stage import BAD, OLDER, TWICE, VERDICTS, Staged, stage

if TYPE_CHECKING:
    from deltalake import DeltaTable
    from pyspark.sql import DataFrame, SparkSession


def write(workspace: Workspace, session: "SparkSession", table: Table, frame: "DataFrame", batch: Batch) -> Published:
    """Bring a frame through the door. The caller holds the table's lock.

    Raises:
        SchemaMismatchError: the frame has another shape than the declaration.
        AuditFailedError: a critical expectation failed; nothing was published.
        InvalidKeyError: rows of one key, and the write mode declares no order for them.
        PartitionMismatchError: rows of other partitions than the run's.
        SuiteError: the suite cannot be read.
        ConcurrentWriteError: rivals committed again and again; the next run finishes the publish.
    """
    started = time.monotonic()
    delta = ensure(workspace, session, table)
    rules = rules_of(table, suite_of(workspace, table))
    carried = () if batch.replay is None else (quarantine.ROW_ID,)
    shaped = check_shape(table, frame, delta.version(), carried)
    staged = stage(table, shaped, rules.rows, root=workspace.table_path(table.name), run=batch.run_id, carried=carried)
    try:
        rows, partitions = _counted(table, staged)
        _refuse_twins(table, delta, rows)
        replaced = _replaced(table, delta, batch, partitions)
        results = _judged(workspace, session, table, staged=staged, rules=rules, batch=batch, version=delta.version())
    except BaseException:
        delete_folder(staged.path)
        raise
    before = last_position(workspace, table.name, delta)
    note = note_of(table, batch, rows, results, before)
    intent = Intent(
        table=table.name,
        sequence=_next_sequence(workspace, delta, table.name),
        staged=staged.to_json(),
        note=note,
        position=position_of_note(note, batch, before),
        broken_sql=broken_rules_sql(rules.rows),
        rows=rows,
        partitions=replaced,
        replay=batch.replay is not None,
        rebuild=batch.rebuild,
        stale=_stale(table, batch, replaced),
    )
    save_intent(workspace, intent)
    return finish(workspace, session, table, intent, checks=results, started=started)


def _counted(table: Table, staged: Staged) -> tuple[dict[str, int], list[dict[str, str | None]]]:
    """Rows staged by verdict, and the partitions of the good ones, from the footers."""
    rows = dict.fromkeys(VERDICTS, 0)
    partitions: list[dict[str, str | None]] = []
    for audit in VERDICTS:
        for file in staged.files(audit):
            found = read_adopted(staged.root, file, set(), table.partitioned_by if audit == GOOD else ())
            rows[audit] += found.rows
            if found.partition and found.partition not in partitions:
                partitions.append(found.partition)
    return rows, partitions


def _refuse_twins(table: Table, delta: "DeltaTable", rows: Mapping[str, int]) -> None:
    if rows[TWICE]:
        raise InvalidKeyError(
            f"{table.name} was not written, it stays at version {delta.version()}.\n"
            f"  {', '.join(table.key)}  expected one row per key in a batch, got {rows[TWICE]} rows too many\n"
            f"Declare `sequence=` of its Merge, so that the newest row of a key wins, or make the transform give one."
        )


def _replaced(
    table: Table, delta: "DeltaTable", batch: Batch, partitions: list[dict[str, str | None]]
) -> list[dict[str, str | None]] | None:
    """The partitions that the publish replaces; None for modes that replace none."""
    if not isinstance(table.write, ReplacePartitions):
        return None
    if batch.partitions is None:
        return partitions
    column = table.partitioned_by[0]
    foreign = [found for found in partitions if found[column] not in batch.partitions]
    if foreign:
        raise PartitionMismatchError(table.name, delta.version(), column, batch.partitions, len(foreign))
    return [{column: key} for key in batch.partitions]


def _stale(table: Table, batch: Batch, replaced: list[dict[str, str | None]] | None) -> str | None:
    """Which waiting rows came again with this batch: they must not be replayed beside those that replace them."""
    if batch.replay is not None:
        return None
    if batch.rebuild or isinstance(table.write, Overwrite):
        return "true"
    return " OR ".join(f"({condition(table, each)})" for each in replaced) if replaced else None


def _judged(
    workspace: Workspace,
    session: "SparkSession",
    table: Table,
    *,
    staged: Staged,
    rules: Compiled,
    batch: Batch,
    version: int,
) -> tuple[CheckResult, ...]:
    """The results, where they let the rows pass. A replay is not stopped by rows: they stay where they are."""
    results = judge(staged.frame(session), rules, table.brought_names)
    blocking = [each for each in verdict(results).blocking if batch.replay is None or not each.is_row_rule]
    if blocking:
        record(workspace, session, table.name, results, run_id=batch.run_id, version=None)
        raise AuditFailedError(table.name, version, failures(blocking), suite_name(table.name), results)
    return results


def _next_sequence(workspace: Workspace, delta: "DeltaTable", name: str) -> int:
    # The quarantine may be ahead: fixes and discards take numbers of their own there.
    rejected = open_table(workspace, quarantine_of(name))
    return max(committed(delta, name), committed(rejected, name)) + 1


def finish(
    workspace: Workspace,
    session: "SparkSession",
    table: Table,
    intent: Intent,
    *,
    checks: Sequence[CheckResult],
    started: float,
) -> Published:
    """Carry a decision out: quarantine, publish, report. Every step is safe to do again."""
    staged, rows = intent.files, intent.rows
    if not intent.replay:
        retried(table.name, lambda: quarantine.add(workspace, session, table, intent))
    prepare_position(workspace, table.name, intent.sequence, intent.position)
    published, version = retried(table.name, lambda: _publish(workspace, session, table, intent))
    if intent.replay:
        retried(table.name, lambda: quarantine.settle(workspace, session, table, intent))
    record(workspace, session, table.name, checks, run_id=intent.note["run"], version=version)
    close_intent(workspace, table.name)
    forget_positions(workspace, table.name, before=intent.sequence)
    if isinstance(table.write, Merge | Scd2):
        delete_folder(staged.path)
    else:
        # The good files are the table's now.
        for audit in (BAD, OLDER):
            delete_folder(f"{staged.path}/audit={audit}")
    return Published(
        table=table.name,
        version=version,
        rows_in=sum(rows.values()),
        published=published,
        quarantined=rows[BAD],
        deduplicated=rows[OLDER] + rows[GOOD] - published,
        checks=tuple(checks),
        seconds=time.monotonic() - started,
        messages=tuple(intent.note.get("messages", ())),
    )


def _publish(workspace: Workspace, session: "SparkSession", table: Table, intent: Intent) -> tuple[int, int]:
    """Make the one commit, if it is not there yet; gives the changed rows and the version."""
    delta = ensure(workspace, session, table)
    check(workspace)
    if is_done(delta, intent.stamp):
        return _already(workspace, table, intent, delta.version())
    staged = intent.files
    # Rows from quarantine are added to what is there, also where a run replaces it.
    adds = intent.replay and not isinstance(table.write, Merge | Scd2)
    published = publish(
        Append() if adds else table.write,
        Publication(
            workspace=workspace,
            session=session,
            table=table,
            delta=delta,
            files=tuple(staged.files(GOOD)),
            rows=intent.rows[GOOD],
            frame=lambda: staged.frame(session, GOOD),
            stamp=intent.stamp,
            partitions=tuple(intent.partitions or ()),
            rebuild=intent.rebuild,
        ),
    )
    delta.update_incremental()
    sync(f"{workspace.table_path(table.name)}/_delta_log", f"{delta.version():020d}.json")
    # A lease that was lost while the commit was made: the caller must not build on it.
    check(workspace)
    return published, delta.version()


def _already(workspace: Workspace, table: Table, intent: Intent, latest: int) -> tuple[int, int]:
    """Rows that an already committed publish has changed, and its version."""
    from lakehouse.history import history

    for commit in history(workspace, table.name):
        if commit.note.get("run") == intent.note["run"]:
            return published_rows(table.write, commit.metrics, intent.rows[GOOD]), commit.version
    return intent.rows[GOOD], latest


def recover(workspace: Workspace, session: "SparkSession", table: Table) -> Published | None:
    """Finish what a crashed run has decided, from its staged files; None where nothing is open."""
    intent = open_intent(workspace, table.name)
    if intent is None:
        return None
    checks = tuple(CheckResult.from_json(each) for each in intent.note["checks"])
    return finish(workspace, session, table, intent, checks=checks, started=time.monotonic())
