"""One run of an asset: what is new, is there anything to do, read it, and through the door."""

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from lakehouse.declare.table import Foreign, Table, deleted_of
from lakehouse.delta.partition_values import text_of
from lakehouse.delta.tables import Tables
from lakehouse.engine.session import Connection
from lakehouse.errors import DamagedDecisionError, DeclarationDiffersError, LakehouseError
from lakehouse.locks import check_lease
from lakehouse.locks.table_lock import table_lock
from lakehouse.quality.judge import CheckResult
from lakehouse.runs.audit import audit_foreign, judged
from lakehouse.runs.code_version import commit
from lakehouse.runs.fixes_again import with_fixes
from lakehouse.runs.plan import NEWS, Extent, Plan, as_snapshot, plan, without_lost_feeds
from lakehouse.runs.transform import frame_of
from lakehouse.schema.behind import differing_behind
from lakehouse.schema.catalogue import is_in_catalogue
from lakehouse.schema.create import finish_creation
from lakehouse.schema.difference import Difference
from lakehouse.schema.differences import pending
from lakehouse.schema.missing import missing
from lakehouse.sources.kinds import dependency, load
from lakehouse.sources.source import ReadContext
from lakehouse.write.batch import Batch, Published
from lakehouse.write.computed import computed
from lakehouse.write.door import recover, write
from lakehouse.write.intent import open_intent
from lakehouse.write.position import last_position
from lakehouse.write.run_kind import ForPartitions, Rebuilt
from lakehouse.write.table_rules import is_silent, rules_of, suite_of

if TYPE_CHECKING:
    from deltalake import DeltaTable
    from pyspark.sql import DataFrame


def run(
    connection: Connection,
    table: Table,
    transform: "Callable[..., DataFrame]",
    reads: Mapping[str, Any],
    *,
    code: str,
    run_id: str | None = None,
    extent: Extent = NEWS,
) -> Published:
    """Run an asset: read what is new, transform it, bring it through the door.

    Args:
        connection: The workspace.
        table: The declaration.
        transform: Frames in, frame out. A parameter `partitions` gets the keys of the run, a tuple of texts; None for
            the whole table.
        reads: Inputs by the function's parameter names.
        code: Digest of the code.
        run_id: The run.
        extent: How much of the table is made.

    Raises:
        DeclarationDiffersError: the table is stored otherwise than it is declared.
        TableMissingError: the table was there and is not where it is kept any more.
        FencedError: another workspace has taken the warehouse.
        ComputationError: the rows cannot be computed.
        NoFrameError: the transform gave no frame.
        ServiceError: the engine is not up, or ended meanwhile.
        LakehouseError: see `write` and `audit_foreign`; the table is as it was.
    """
    workspace, started_at, run_id = connection.workspace, datetime.now(UTC), run_id or uuid.uuid4().hex[:12]
    keys = None if extent.partitions is None else _checked(table, extent.partitions)
    tables = Tables(workspace)
    context = ReadContext(tables, connection.session, table.name, run_id, keys)
    lock = table_lock(workspace, table.name, what=f"run {run_id} of {table.name}", say=connection.say)
    with lock, computed(workspace, table.name):
        check_lease(workspace)
        recover_if_open(connection, tables, table)
        delta = tables.latest(table.name)
        notices = _refuse_other_than_declared(connection, tables, table, delta, rebuilds=extent.full)
        last = last_position(workspace, table.name, delta)
        planned = plan(reads, context, last, code, full=extent.full)
        if delta is not None and planned.unchanged:
            is_same = last is not None and last.note.code == code
            checks = last.results if last and is_same else _judged_anew(connection, tables, table, delta, run_id)
            return Published(table.name, delta.version(), unchanged=True, checks=checks, messages=notices)
        planned = without_lost_feeds(as_snapshot(planned, table), reads, context, table)
        kind = planned.kind
        context = replace(context, partitions=kind.keys if isinstance(kind, ForPartitions) else None)
        inputs, files = _loaded(connection, reads, context, planned)
        came = _batch(run_id, reads, planned, notices)
        now = commit(str(workspace.settings.project))
        batch = replace(came, files=files, code=code, commit=now, started_at=started_at)
        rows = frame_of(workspace, table, transform, inputs, context.partitions)
        if extent.full or isinstance(kind, Rebuilt):
            rows = with_fixes(tables, connection.session(), table, rows)
        return write(tables, connection.session(), table, rows, batch)


def _batch(run_id: str, reads: Mapping[str, Any], planned: Plan, notices: Sequence[str]) -> Batch:
    """What a run brings to the door, as far as its plan says it."""
    return Batch(
        run_id,
        run_id,
        inputs=planned.positions,
        since=planned.since,
        sources={name: of for name, source in reads.items() if (of := dependency(source))},
        tables=planned.tables,
        kind=planned.kind,
        messages=(*notices, *planned.messages),
    )


def _checked(table: Table, keys: Sequence[str]) -> tuple[str, ...]:
    """The keys of a run, each once.

    Raises:
        LakehouseError: a key is no value of the partition column, or two name one value.
    """
    if len(table.partitioned_by) != 1:
        return tuple(keys)
    [column] = table.partitioned_by
    by_text: dict[str | None, set[str]] = {}
    for key in keys:
        by_text.setdefault(text_of(key, table.types[column], column), set()).add(key)
    twice = sorted(key for same in by_text.values() if len(same) > 1 for key in same)
    if twice:
        raise LakehouseError(
            f"{table.name} was not written: {len(twice)} keys of its run name a value of `{column}` that others "
            f"name too, in another spelling. Name each partition once."
        )
    return tuple(dict.fromkeys(keys))


def _loaded(
    connection: Connection, reads: Mapping[str, Any], context: ReadContext, planned: Plan
) -> tuple[dict[str, Any], dict[str, list[str]]]:
    """The inputs, and the files that they are read from, both by name. Tables of other tools are audited first."""
    for name, source in reads.items():
        if isinstance(source, Foreign):
            audit_foreign(connection, context.tables, source.name, planned.positions[name], context.batch_id)
    inputs, files = {}, {}
    for name, source in reads.items():
        own = replace(context, files=[])
        inputs[name] = load(source, own, planned.since.get(name), planned.positions[name])
        if own.files:
            files[name] = own.files
    return inputs, files


def _refuse_other_than_declared(
    connection: Connection, tables: Tables, table: Table, delta: "DeltaTable | None", *, rebuilds: bool
) -> tuple[str, ...]:
    """Before anything is read: is the table what its declaration says, and where it should be?

    Rows that are against the declared key are replaced by a rebuild.

    Returns:
        A line where only words differ, which stops nothing.
    """
    if delta is not None:
        finish_creation(connection.workspace, connection.session, table, delta)
        # A history of snapshots is never made anew: its keys stay.
        rebuilds = rebuilds and not table.takes_snapshots
        every = (*pending(connection.workspace, table, delta), *_behind(tables, table, rebuilds=rebuilds))
        differences = [difference for difference in every if not (rebuilds and difference.kind == "set key")]
        if any(not difference.kind.startswith("comment") for difference in differences):
            raise DeclarationDiffersError(table.name, delta.version(), differences)
        line = f"Comments of {table.name} differ from its declaration: `lakehouse apply {table.name}` sets them."
        return (line,) if differences else ()
    error = missing(connection.workspace, table, is_in_catalogue=is_in_catalogue(connection.session(), table.name))
    if error is not None:
        raise error
    return ()


def _behind(tables: Tables, table: Table, *, rebuilds: bool) -> tuple[Difference, ...]:
    """What differs in the tables behind it; a rebuild forgets the deletions that it remembers, whatever their key."""
    differing = differing_behind(tables, table)
    forgotten = f"{deleted_of(table.name)}."
    return tuple(difference for difference in differing if not (rebuilds and difference.name.startswith(forgotten)))


def _judged_anew(
    connection: Connection, tables: Tables, table: Table, delta: "DeltaTable", run_id: str
) -> tuple[CheckResult, ...]:
    """The rules may be new though no row is: judge the version that is there."""
    rules = rules_of(table, suite_of(connection.workspace, table))
    expectations = rules.expectations
    results = judged(
        connection,
        tables,
        table.name,
        delta.version(),
        expectations=expectations,
        compiled=lambda _: rules,
        run_id=run_id,
    )
    return tuple(result for result in results if not is_silent(result))


def recover_if_open(connection: Connection, tables: Tables, table: Table) -> None:
    """Finish a crashed run's decision, if there is one; asks no server if there is none.

    If it cannot be carried out it is set aside, and what became of it is said.
    """
    try:
        is_open = open_intent(connection.workspace, table.name) is not None
    except DamagedDecisionError:
        is_open = True
    done = recover(tables, connection.session(), table) if is_open else None
    if done is not None and done.unchanged:
        for line in done.messages:
            connection.say(line)
