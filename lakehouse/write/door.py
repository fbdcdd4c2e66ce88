"""The door: how a frame becomes a version. Shape, stage, judge, decide, quarantine, publish, report."""

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from lakehouse.declare.table import Table, deleted_of, quarantine_of
from lakehouse.declare.write_modes import Append, Merge, Scd2
from lakehouse.delta.history import commits_of
from lakehouse.delta.note import Totals
from lakehouse.delta.parquet_files import rows_of_whole
from lakehouse.delta.stamp import is_done
from lakehouse.delta.tables import Tables, id_of
from lakehouse.errors import (
    AuditFailedError,
    DamagedDecisionError,
    DecisionFailedError,
    LakehouseError,
    PartitionsFailedError,
    StagedFilesGoneError,
)
from lakehouse.locks import check_lease
from lakehouse.maintenance import keep_up
from lakehouse.quality.judge import CheckResult
from lakehouse.quality.measure.masks import broken_rules_sql, labels_of
from lakehouse.quality.references import pinned
from lakehouse.quality.scope import TABLE, by_scope
from lakehouse.schema.create import ROW_ID, ensure
from lakehouse.storage import delete_file, delete_folder, sync
from lakehouse.write import quarantine
from lakehouse.write.batch import Batch, Published
from lakehouse.write.decide import decide
from lakehouse.write.disk_full import full_storage_named
from lakehouse.write.intent import Intent, close_intent, open_intent, save_intent
from lakehouse.write.modes import GOOD, Publication, functions_of, publish
from lakehouse.write.note import note_of
from lakehouse.write.ops_checks import record
from lakehouse.write.partition_results import failures_of
from lakehouse.write.position import forget_positions, last_position, position_after, prepare_position
from lakehouse.write.retry import lasting_reason, retried
from lakehouse.write.run_kind import Replayed
from lakehouse.write.set_aside import forget_set_aside, next_sequence, set_aside, set_damaged_aside
from lakehouse.write.shape import check_shape
from lakehouse.write.snapshots import compare
from lakehouse.write.stage import AUDIT, BAD, DELETION, OLDER, PASSED, VERDICTS, passed, stage
from lakehouse.write.table_rules import rules_of, suite_name, suite_of
from lakehouse.write.warned import keep_warned
from lakehouse.write.withheld import withhold_refused

if TYPE_CHECKING:
    from deltalake import DeltaTable
    from pyspark.sql import DataFrame, SparkSession


def write(tables: Tables, session: "SparkSession", table: Table, frame: "DataFrame", batch: Batch) -> Published:
    """Bring a frame through the door. The caller holds the table's lock.

    Raises:
        SchemaMismatchError: the frame has another shape than the declaration.
        AuditFailedError: a critical expectation failed; nothing was published.
        TooManyRejectedError: more rows were rejected than the table allows; the same.
        PartitionsFailedError: the same for some partitions of the run; the others were published.
        InvalidKeyError: rows of one key, and the write mode declares no order for them.
        PartitionMismatchError: rows of other partitions than the run's.
        SuiteError: the suite cannot be read.
        ConcurrentWriteError: rivals committed again and again; the next run finishes the publish.
        FencedError: another workspace has taken the warehouse.
        StagedFilesGoneError: an earlier decision cannot be carried out any more.
        StorageFullError: there is no room left.
    """
    with full_storage_named(tables.workspace, table.name):
        # A decision that is not carried out yet comes first; it would be forgotten otherwise.
        recover(tables, session, table)
        return _write(tables, session, table, frame, batch)


def _write(tables: Tables, session: "SparkSession", table: Table, frame: "DataFrame", batch: Batch) -> Published:
    started, workspace = time.monotonic(), tables.workspace
    delta = ensure(tables, session, table)
    rules = by_scope(pinned(workspace, rules_of(table, suite_of(workspace, table))), table)
    on_rows = rules.batch.rows
    carried = (ROW_ID,) if isinstance(batch.kind, Replayed) else ()
    shaped = check_shape(table, frame, delta.version(), carried)
    staged = stage(table, shaped, on_rows, root=workspace.table_path(table.name), run=batch.run_id, carried=carried)
    try:
        decision = decide(tables, session, table, staged, rules=rules, batch=batch, delta=delta)
        withhold_refused(tables, session, table, staged, rules=rules, batch=batch, refused=decision.failed)
        compared = compare(tables, session, table, staged, decision, batch, delta)
    except BaseException as error:
        try:
            if isinstance(error, AuditFailedError):
                refused = error.by_partition or error.results
                if withhold_refused(tables, session, table, staged, rules=rules, batch=batch, refused=refused):
                    error.tell_withheld()
                record(tables, session, table.name, refused, run_id=batch.run_id, version=None)
        finally:
            delete_folder(staged.path)
        raise
    for file in decision.lost:
        delete_file(file.path)
    before = last_position(workspace, table.name, delta)
    totals = (before and before.note.totals) or Totals()
    note = compared.told(note_of(table, replace(batch, kind=decision.kind), decision.rows, decision.results, totals))
    intent = Intent(
        table=table.name,
        sequence=next_sequence(tables, table.name),
        staged=staged,
        note=note,
        position=position_after(note, decision.kind, before),
        kind=decision.kind,
        broken_sql=broken_rules_sql(on_rows),
        adopts=functions_of(table.write).can_adopt(table.write, delta),
        labels=labels_of(on_rows),
        rows=decision.rows,
        replaced=decision.replaced,
        stale=decision.stale,
        results_by_partition=decision.by_partition,
        table_id=id_of(delta),
        declared=table,
    )
    try:
        save_intent(workspace, intent)
    except OSError:
        if open_intent(workspace, table.name) is None:
            delete_folder(staged.path)
        raise
    done = _carried_out(tables, session, table, intent, started=started)
    if decision.failed:
        record(tables, session, table.name, decision.failed, run_id=batch.run_id, version=None)
        raise PartitionsFailedError(
            decision.failed, done, failures=failures_of(decision.failed), suite=suite_name(table.name)
        )
    return done


def finish(
    tables: Tables,
    session: "SparkSession",
    table: Table,
    intent: Intent,
    *,
    started: float,
) -> Published:
    """Carry a decision out: quarantine, publish, report. Every step is safe to do again."""
    workspace, staged, rows = tables.workspace, intent.staged, intent.rows
    checks, by_partition = intent.results, intent.results_by_partition
    is_replay = isinstance(intent.kind, Replayed)
    if not is_replay:
        retried(table.name, lambda: quarantine.add(tables, session, table, intent))
    prepare_position(workspace, table.name, intent.sequence, intent.position)
    published, version = retried(table.name, lambda: _publish(tables, session, table, intent))
    if is_replay:
        retried(table.name, lambda: quarantine.settle(tables, session, table, intent))
    recorded: dict[str | None, Sequence[CheckResult]] = {None: checks}
    if by_partition:
        recorded = {None: [check for check in checks if check.scope == TABLE], **dict(by_partition.items())}
    record(tables, session, table.name, recorded, run_id=intent.run, version=version)
    close_intent(workspace, table.name)
    if not is_replay:
        forget_set_aside(workspace, table.name)
    forget_positions(workspace, table.name, before=intent.sequence)
    # The decision is closed: what cannot be kept here must not be tried again before each run.
    warned = keep_warned(tables, session, table, intent, version)
    if not intent.adopts:
        delete_folder(staged.path)
    else:
        # The good files are the table's now.
        for audit in (BAD, OLDER, DELETION):
            delete_folder(f"{staged.path}/{AUDIT}={audit}")
    notices = keep_up(tables, session, table.name, quarantine_of(table.name), deleted_of(table.name))
    return Published(
        table=table.name,
        version=version,
        rows_in=sum(rows.values()),
        published=published,
        quarantined=rows[BAD],
        deduplicated=rows[OLDER] + passed(rows) - published,
        checks=checks,
        checks_by_partition=dict(by_partition),
        seconds=time.monotonic() - started,
        messages=(*(intent.note.messages or ()), *warned, *notices),
    )


def _refuse_swept(tables: Tables, session: "SparkSession", table: Table, intent: Intent) -> None:
    """Pass if every row that is still needed is staged: VACUUM, or a person, may have swept them since the decision.

    The files are read, not only their footers: what a crash of the machine left of them may not become the table's.

    Raises:
        StagedFilesGoneError: rows are missing. Nothing of the decision was carried out by this call.
    """
    delta, beside = ensure(tables, session, table), tables.latest(quarantine_of(table.name))
    is_published, is_settled = is_done(delta, intent.stamp), beside is not None and is_done(beside, intent.stamp)
    if isinstance(intent.kind, Replayed):
        # What a replay published is told to the quarantine by the staged rows.
        needed: tuple[str, ...] = () if is_settled else VERDICTS
    else:
        # A snapshot does not delete the keys of its bad rows.
        needed = (*(() if is_published else PASSED), *(() if is_settled and is_published else (BAD,)))
    expected = sum(intent.rows.get(audit, 0) for audit in needed)
    staged = intent.staged
    there = sum(rows_of_whole(file) for audit in needed for file in staged.files(audit))
    if there != expected:
        raise StagedFilesGoneError(table.name, delta.version(), expected=expected, still_staged=there)


def _publish(tables: Tables, session: "SparkSession", table: Table, intent: Intent) -> tuple[int, int]:
    """Make the one commit, if it is not there yet; gives the changed rows and the version."""
    workspace, delta = tables.workspace, ensure(tables, session, table)
    check_lease(workspace)
    if is_done(delta, intent.stamp):
        return _already(delta, table, intent)
    staged, expected = intent.staged, passed(intent.rows)
    # Rows from quarantine are added to what is there, also if a run replaces it.
    adds = isinstance(intent.kind, Replayed) and not isinstance(table.write, Merge | Scd2)
    mode = Append() if adds else table.write
    published = publish(
        mode,
        Publication(
            tables=tables,
            session=session,
            table=table,
            delta=delta,
            files=tuple(staged.files(GOOD)),
            rows=expected,
            frame=lambda: staged.frame(session, *PASSED),
            rejected=lambda: staged.frame(session, BAD),
            stamp=intent.stamp,
            kind=intent.kind,
            replaced=tuple(intent.replaced or ()),
            adopts=intent.adopts,
            deletions=tuple(staged.files(DELETION)),
        ),
    )
    delta.update_incremental()
    sync(f"{workspace.table_path(table.name)}/_delta_log", f"{delta.version():020d}.json")
    # A lease that was lost while the commit was made: the caller must not build on it.
    check_lease(workspace)
    return published, delta.version()


def _already(delta: "DeltaTable", table: Table, intent: Intent) -> tuple[int, int]:
    """Rows that an already committed publish has changed, and its version."""
    for commit in commits_of(delta):
        if commit.note is not None and commit.note.run == intent.run:
            return functions_of(table.write).published_rows(
                commit.metrics, passed(intent.rows), commit.note
            ), commit.version
    return passed(intent.rows), delta.version()


def _carried_out(
    tables: Tables, session: "SparkSession", table: Table, intent: Intent, *, started: float, is_fresh: bool = True
) -> Published:
    """Carry a decision out; one that fails twice for one reason, which is not of the moment, is set aside.

    Raises:
        DecisionFailedError: it failed for the first time.
    """
    try:
        if not is_fresh:
            _refuse_swept(tables, session, table, intent)
        return finish(tables, session, table, intent, started=started)
    except Exception as error:
        reason, delta = lasting_reason(error), tables.latest(table.name)
        if reason is None or delta is None or is_done(delta, intent.stamp):
            raise
        if intent.failure != reason:
            save_intent(tables.workspace, replace(intent, failure=reason))
            if isinstance(error, LakehouseError):
                raise
            raise DecisionFailedError(table.name, delta.version(), intent.run, reason) from error
        said = set_aside(tables, session, table, intent, reason)
        return Published(table.name, delta.version(), unchanged=True, messages=(said,))


def recover(tables: Tables, session: "SparkSession", table: Table) -> Published | None:
    """Finish what a crashed run has decided, from its staged files; None if nothing is open.

    A decision for a table that was dropped since is forgotten: what it was made from is read again. It is carried out
    by the declaration by which it was decided. If that cannot be done, what is said of it is in the messages, and the
    table is unchanged.
    """
    with full_storage_named(tables.workspace, table.name):
        try:
            intent = open_intent(tables.workspace, table.name)
        except DamagedDecisionError as error:
            said = set_damaged_aside(tables, session, table, error)
            delta = tables.latest(table.name)
            return Published(table.name, delta.version() if delta else 0, unchanged=True, messages=(said,))
        if intent is None:
            return None
        if intent.table_id and id_of(tables.latest(table.name)) != intent.table_id:
            close_intent(tables.workspace, table.name)
            return None
        declared = intent.declared or table
        return _carried_out(tables, session, declared, intent, started=time.monotonic(), is_fresh=False)
