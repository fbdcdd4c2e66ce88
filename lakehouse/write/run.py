"""One run of an asset: what is new, is there anything to do, read it, and through the door."""

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from lakehouse.code import commit
from lakehouse.declare.table import Foreign, Table
from lakehouse.declare.write_modes import Append
from lakehouse.delta.history import open_table
from lakehouse.engine.session import Connection
from lakehouse.errors import AuditFailedError, ChangeFeedGoneError, DeclarationDiffersError
from lakehouse.locks import check
from lakehouse.locks.table_lock import locked
from lakehouse.position import last_position
from lakehouse.quality.compile import Compiled, compile_suite
from lakehouse.quality.judge import CheckResult, audit, verdict
from lakehouse.quality.suite.suite import load_suite
from lakehouse.read import ReadContext, dependency, gone, is_incremental, load, of_partition, position_of, snapshot
from lakehouse.write.batch import Batch, Published
from lakehouse.write.checks import audited, record
from lakehouse.write.door import recover, write
from lakehouse.write.intent import open_intent
from lakehouse.write.rules import failures, rules_of, suite_name, suite_of
from lakehouse.write.schema.apply import is_known
from lakehouse.write.schema.differences import pending
from lakehouse.write.schema.missing import missing

if TYPE_CHECKING:
    from deltalake import DeltaTable
    from pyspark.sql import DataFrame

CompiledFor = Callable[[Mapping[str, str]], Compiled]


@dataclass(frozen=True)
class Plan:
    """What a run found before it read anything.

    Args:
        since: Positions of the last commit, by name; empty where all is to be read.
        positions: Positions now, by name.
        unchanged: Nothing is new.
        partitions: Keys of the partitions that are not as they should be; None for a run of the whole table.
        memory: What each of these partitions is made from now, by key.
        rebuild: The last position is of no use: all is read again.
        messages: What the reader of the run should know.
    """

    since: dict[str, Any]
    positions: dict[str, Any]
    unchanged: bool
    partitions: tuple[str, ...] | None = None
    memory: dict[str, Any] = field(default_factory=dict)
    rebuild: bool = False
    messages: tuple[str, ...] = ()


def plan(reads: Mapping[str, Any], context: ReadContext, last: Mapping[str, Any], code: str) -> Plan:
    """Compare the positions of the inputs, and the code, with what the last commit says."""
    positions = {name: position_of(source, context) for name, source in reads.items()}
    if context.partitions is not None:
        return _plan_partitions(reads, context.partitions, last, code, positions)
    only_new_rows = bool(reads) and all(is_incremental(source) for source in reads.values())
    same_code = last.get("code") == code or only_new_rows
    since = dict(last.get("inputs", {}))
    return Plan(since, positions, unchanged=bool(last) and same_code and since == positions)


def _plan_partitions(
    reads: Mapping[str, Any],
    keys: Sequence[str],
    last: Mapping[str, Any],
    code: str,
    positions: dict[str, Any],
) -> Plan:
    """The same for each partition by itself, so that a backfill does again only what failed or is new."""
    made = last.get("memory", {})
    memory = {
        key: {"code": code, "inputs": {n: of_partition(source, positions[n], key) for n, source in reads.items()}}
        for key in keys
    }
    stale = tuple(key for key in keys if made.get(key) != memory[key])
    return Plan({}, positions, not stale, stale, {key: memory[key] for key in stale})


def _without_lost_feeds(found: Plan, reads: Mapping[str, Any], context: ReadContext, table: Table) -> Plan:
    """Where changes since the last position cannot be read any more, all is read."""
    lost = {
        name: reason
        for name, source in reads.items()
        if name in found.since and (reason := gone(source, context, found.since[name], found.positions[name]))
    }
    if not lost:
        return found
    appends = isinstance(table.write, Append)
    kept = {name: since for name, since in found.since.items() if name not in lost}
    others = [name for name, source in reads.items() if name not in lost and is_incremental(source)]
    if appends and others:
        raise ChangeFeedGoneError(
            f"{table.name} was not written. {' '.join(lost.values())} It appends, and {', '.join(others)} cannot be "
            f"read again with it, so rows would come twice. Restore the log of the input, or make the table a Merge."
        )
    messages = tuple(
        f"{reason} All of it is read, at version {found.positions[name]}."
        + (f" {table.name} appends, so its rows are replaced in one commit." if appends else "")
        for name, reason in lost.items()
    )
    return Plan(kept, found.positions, unchanged=False, rebuild=True, messages=messages)


def judged(
    connection: Connection, name: str, version: int, *, wanted: set[str], compiled: CompiledFor, run_id: str
) -> tuple[CheckResult, ...]:
    """Results of an audit of one version of a table, which is done once; they are kept in `ops.checks`.

    Args:
        connection: The workspace.
        name: `layer.entities`.
        version: Delta's.
        wanted: Names of the checks.
        compiled: Gives the rules for columns (name to Spark type).
        run_id: The run.

    Raises:
        AuditFailedError: a critical expectation failed; who reads the version must not go on.
    """
    results = tuple(each for each in audited(connection.workspace, name, version) if each.name in wanted)
    if len(results) < len(wanted):
        session = connection.session()
        frame = snapshot(session, name, version)
        results = audit(frame, compiled({field.name: field.dataType.simpleString() for field in frame.schema.fields}))
        record(connection.workspace, session, name, results, run_id=run_id, version=version)
    blocking = verdict(results).blocking
    if blocking:
        raise AuditFailedError(name, version, failures(blocking), suite_name(name), results)
    return results


def audit_foreign(connection: Connection, name: str, version: int, run_id: str) -> tuple[CheckResult, ...]:
    """Audit one version of a table that another tool wrote, before it is read.

    Raises:
        AuditFailedError: a critical expectation failed; who reads the table must not go on.
        SuiteError: the suite cannot be read.
    """
    suite_file = connection.workspace.settings.project / suite_name(name)
    suite = load_suite(suite_file, None)
    if suite is None:
        return ()
    return judged(
        connection,
        name,
        version,
        wanted={expectation.check_name for expectation in suite.expectations},
        compiled=lambda columns: compile_suite(load_suite(suite_file, columns), columns),
        run_id=run_id,
    )


def run(
    connection: Connection,
    table: Table,
    transform: "Callable[..., DataFrame]",
    reads: Mapping[str, Any],
    *,
    code: str,
    run_id: str | None = None,
    partitions: Sequence[str] | None = None,
) -> Published:
    """Run an asset: read what is new, transform it, bring it through the door.

    Args:
        connection: The workspace.
        table: The declaration.
        transform: Frames in, frame out.
        reads: Inputs by the function's parameter names.
        code: Digest of the code.
        run_id: The run.
        partitions: Keys of the partitions to make; None for the whole table.

    Raises:
        DeclarationDiffersError: the table is stored otherwise than it is declared.
        TableMissingError: the table was there and is not where it is kept any more.
        FencedError: another workspace has taken the warehouse.
        LakehouseError: see `write` and `audit_foreign`; the table is as it was.
    """
    workspace, started_at, run_id = connection.workspace, datetime.now(UTC), run_id or uuid.uuid4().hex[:12]
    keys = None if partitions is None else tuple(partitions)
    context = ReadContext(workspace, connection.session, table.name, run_id, keys)
    with locked(workspace, table.name):
        check(workspace)
        recover_if_open(connection, table)
        delta = open_table(workspace, table.name)
        notices = _refuse_other_than_declared(connection, table, delta)
        last = last_position(workspace, table.name, delta)
        found = plan(reads, context, last, code)
        if delta is not None and found.unchanged:
            known = tuple(CheckResult.from_json(each) for each in last.get("checks", ()))
            anew = last.get("code") != code
            checks = _judged_anew(connection, table, delta.version(), run_id) if anew else known
            return Published(table.name, delta.version(), unchanged=True, checks=checks, messages=notices)
        found = _without_lost_feeds(found, reads, context, table)
        context = replace(context, partitions=found.partitions)
        inputs, files = _loaded(connection, reads, context, found)
        batch = Batch(
            run_id,
            run_id,
            inputs=found.positions,
            since=found.since,
            sources={name: of for name, source in reads.items() if (of := dependency(source))},
            files=files,
            code=code,
            commit=commit(str(workspace.settings.project)),
            partitions=found.partitions,
            memory=found.memory,
            rebuild=found.rebuild,
            started_at=started_at,
            messages=(*notices, *found.messages),
        )
        return write(workspace, connection.session(), table, transform(**inputs), batch)


def _loaded(
    connection: Connection, reads: Mapping[str, Any], context: ReadContext, found: Plan
) -> tuple[dict[str, Any], dict[str, list[str]]]:
    """The inputs, and the files that they are read from, both by name. Tables of other tools are audited first."""
    for name, source in reads.items():
        if isinstance(source, Foreign):
            audit_foreign(connection, source.name, found.positions[name], context.batch_id)
    inputs, files = {}, {}
    for name, source in reads.items():
        own = replace(context, files=[])
        inputs[name] = load(source, own, found.since.get(name), found.positions[name])
        if own.files:
            files[name] = own.files
    return inputs, files


def _refuse_other_than_declared(connection: Connection, table: Table, delta: "DeltaTable | None") -> tuple[str, ...]:
    """Before anything is read: is the table what its declaration says, and where it should be?

    Returns:
        A line where only words differ, which stops nothing.
    """
    if delta is not None:
        differences = pending(connection.workspace, table, delta)
        if any(not each.kind.startswith("comment") for each in differences):
            raise DeclarationDiffersError(table.name, delta.version(), differences)
        line = f"Comments of {table.name} differ from its declaration: `lakehouse apply {table.name}` sets them."
        return (line,) if differences else ()
    lost = missing(connection.workspace, table, is_in_catalogue=is_known(connection.session(), table))
    if lost is not None:
        raise lost
    return ()


def _judged_anew(connection: Connection, table: Table, version: int, run_id: str) -> tuple[CheckResult, ...]:
    """The rules may be new where no row is: judge the version that is there."""
    present = rules_of(table, suite_of(connection.workspace, table))
    wanted = {expectation.check_name for expectation in present.expectations}
    return judged(connection, table.name, version, wanted=wanted, compiled=lambda _: present, run_id=run_id)


def recover_if_open(connection: Connection, table: Table) -> None:
    """Finish a crashed run's decision, if there is one; asks no server where there is none."""
    if open_intent(connection.workspace, table.name) is not None:
        recover(connection.workspace, connection.session(), table)
