"""The door: how a frame becomes a version. Shape, stage, judge, decide, quarantine, publish, report."""

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from lakehouse.declare.table import Table, deleted_of, quarantine_of
from lakehouse.declare.write_modes import Append, Merge, Scd2
from lakehouse.delta.file_statistics import read_adopted
from lakehouse.delta.history import commits_of
from lakehouse.delta.note import Totals
from lakehouse.delta.stamp import is_done
from lakehouse.delta.tables import Tables, id_of
from lakehouse.errors import AuditFailedError, PartitionsFailedError, StagedFilesGoneError
from lakehouse.locks import check_lease
from lakehouse.maintenance import keep_up
from lakehouse.quality.measure.masks import broken_rules_sql, labels_of
from lakehouse.quality.references import pinned
from lakehouse.schema.create import ROW_ID, ensure
from lakehouse.storage import delete_folder, sync
from lakehouse.write import quarantine
from lakehouse.write.batch import Batch, Published
from lakehouse.write.decide import decide, failures_of
from lakehouse.write.disk_full import full_storage_named
from lakehouse.write.intent import Intent, close_intent, open_intent, save_intent
from lakehouse.write.modes import GOOD, Publication, functions_of, publish
from lakehouse.write.note import note_of
from lakehouse.write.ops_checks import record
from lakehouse.write.position import committed, forget_positions, last_position, position_after, prepare_position
from lakehouse.write.retry import retried
from lakehouse.write.run_kind import Replayed
from lakehouse.write.shape import check_shape
from lakehouse.write.snapshots import compare
from lakehouse.write.stage import AUDIT, BAD, DELETION, OLDER, PASSED, VERDICTS, passed, stage
from lakehouse.write.table_rules import rules_of, suite_name, suite_of

if TYPE_CHECKING:
    from deltalake import DeltaTable
    from pyspark.sql import DataFrame, SparkSession


def write(tables: Tables, session: "SparkSession", table: Table, frame: "DataFrame", batch: Batch) -> Published:
    """Bring a frame through the door. The caller holds the table's lock.

    Raises:
        SchemaMismatchError: the frame has another shape than the declaration.
        AuditFailedError: a critical expectation failed; nothing was published.
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
    rules = pinned(workspace, rules_of(table, suite_of(workspace, table)))
    carried = (ROW_ID,) if isinstance(batch.kind, Replayed) else ()
    shaped = check_shape(table, frame, delta.version(), carried)
    staged = stage(table, shaped, rules.rows, root=workspace.table_path(table.name), run=batch.run_id, carried=carried)
    try:
        decision = decide(session, table, staged, rules=rules, batch=batch, delta=delta)
        compared = compare(tables, session, table, staged, decision, batch, delta)
    except BaseException as error:
        delete_folder(staged.path)
        if isinstance(error, AuditFailedError):
            record(tables, session, table.name, error.by_partition or error.results, run_id=batch.run_id, version=None)
        raise
    before = last_position(workspace, table.name, delta)
    totals = (before and before.note.totals) or Totals()
    note = compared.told(note_of(table, replace(batch, kind=decision.kind), decision.rows, decision.results, totals))
    intent = Intent(
        table=table.name,
        sequence=_next_sequence(tables, delta, table.name),
        staged=staged,
        note=note,
        position=position_after(note, decision.kind, before),
        kind=decision.kind,
        broken_sql=broken_rules_sql(rules.rows),
        adopts=functions_of(table.write).can_adopt(table.write, delta),
        labels=labels_of(rules.rows),
        rows=decision.rows,
        replaced=decision.replaced,
        stale=decision.stale,
        results_by_partition=decision.by_partition,
        table_id=id_of(delta),
    )
    try:
        save_intent(workspace, intent)
    except OSError:
        if open_intent(workspace, table.name) is None:
            delete_folder(staged.path)
        raise
    done = finish(tables, session, table, intent, started=started)
    if decision.failed:
        record(tables, session, table.name, decision.failed, run_id=batch.run_id, version=None)
        raise PartitionsFailedError(
            decision.failed, done, failures=failures_of(decision.failed), suite=suite_name(table.name)
        )
    return done


def _next_sequence(tables: Tables, delta: "DeltaTable", name: str) -> int:
    # The quarantine may be ahead: fixes and discards take numbers of their own there. Both outlive the table.
    beside = (tables.latest(quarantine_of(name)), tables.latest(deleted_of(name)))
    return max(committed(table, name) for table in (delta, *beside)) + 1


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
    _refuse_swept(tables, session, table, intent)
    if not is_replay:
        retried(table.name, lambda: quarantine.add(tables, session, table, intent))
    prepare_position(workspace, table.name, intent.sequence, intent.position)
    published, version = retried(table.name, lambda: _publish(tables, session, table, intent))
    if is_replay:
        retried(table.name, lambda: quarantine.settle(tables, session, table, intent))
    record(tables, session, table.name, by_partition or checks, run_id=intent.run, version=version)
    close_intent(workspace, table.name)
    forget_positions(workspace, table.name, before=intent.sequence)
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
        messages=(*(intent.note.messages or ()), *notices),
    )


def _refuse_swept(tables: Tables, session: "SparkSession", table: Table, intent: Intent) -> None:
    """Pass if every row that is still needed is staged: VACUUM, or a person, may have swept them since the decision.

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
    there = sum(read_adopted(staged.root, file, set()).rows for audit in needed for file in staged.files(audit))
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


def recover(tables: Tables, session: "SparkSession", table: Table) -> Published | None:
    """Finish what a crashed run has decided, from its staged files; None if nothing is open.

    A decision for a table that was dropped since is forgotten: what it was made from is read again.
    """
    intent = open_intent(tables.workspace, table.name)
    if intent is None:
        return None
    delta = tables.latest(table.name)
    if intent.table_id and id_of(delta) != intent.table_id:
        close_intent(tables.workspace, table.name)
        return None
    with full_storage_named(tables.workspace, table.name):
        return finish(tables, session, table, intent, started=time.monotonic())
