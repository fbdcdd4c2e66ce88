"""One run of an asset: what is new, is there anything to do, read it, and through the door."""

import uuid
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lakehouse.code import commit
from lakehouse.errors import AuditFailedError
from lakehouse.history import last_note, open_table
from lakehouse.quality.compile import Compiled, compile_suite
from lakehouse.quality.judge import CheckResult, audit, verdict
from lakehouse.quality.suite import load_suite
from lakehouse.read import ReadContext, is_incremental, load, position_of, snapshot
from lakehouse.session import Connection
from lakehouse.table import Foreign, Table
from lakehouse.workspace import Workspace
from lakehouse.write.checks import audited, record
from lakehouse.write.door import Batch, Published, failures, recover, rules_of, suite_name, suite_of, write

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyspark.sql import DataFrame


CompiledFor = Callable[[Mapping[str, str]], Compiled]


@contextmanager
def locked(workspace: Workspace, name: str) -> "Iterator[None]":
    """Hold the lock of a table against other processes of this workspace."""
    from filelock import FileLock

    folder = workspace.home / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / f"{name}.lock"):
        yield


@dataclass(frozen=True)
class Plan:
    """What a run found before it read anything.

    Args:
        since: Positions of the last commit, by name.
        positions: Positions now, by name.
        unchanged: Nothing is new.
    """

    since: dict[str, Any]
    positions: dict[str, Any]
    unchanged: bool


def plan(reads: Mapping[str, Any], context: ReadContext, note: Mapping[str, Any], code: str) -> Plan:
    """Compare the positions of the inputs, and the code, with what the last commit says."""
    positions = {name: position_of(source, context) for name, source in reads.items()}
    only_new_rows = bool(reads) and all(is_incremental(source) for source in reads.values())
    same_code = note.get("code") == code or only_new_rows
    since = dict(note.get("inputs", {}))
    return Plan(since, positions, unchanged=bool(note) and same_code and since == positions)


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
) -> Published:
    """Run an asset: read what is new, transform it, bring it through the door.

    Raises:
        LakehouseError: see `write` and `audit_foreign`; the table is as it was.
    """
    workspace = connection.workspace
    run_id = run_id or uuid.uuid4().hex[:12]
    context = ReadContext(workspace, connection.session, table.name, run_id)
    with locked(workspace, table.name):
        recover_if_open(connection, table)
        delta = open_table(workspace, table.name)
        note = last_note(delta)
        found = plan(reads, context, note, code)
        if delta is not None and found.unchanged:
            checks = tuple(CheckResult.from_json(each) for each in note.get("checks", ()))
            if note.get("code") != code:
                checks = _judged_anew(connection, table, delta.version(), run_id)
            return Published(table.name, delta.version(), unchanged=True, checks=checks)
        for name, source in reads.items():
            if isinstance(source, Foreign):
                audit_foreign(connection, source.name, found.positions[name], run_id)
        inputs = {
            name: load(source, context, found.since.get(name), found.positions[name]) for name, source in reads.items()
        }
        batch = Batch(run_id, run_id, found.positions, code, commit(str(workspace.settings.project)))
        return write(workspace, connection.session(), table, transform(**inputs), batch)


def _judged_anew(connection: Connection, table: Table, version: int, run_id: str) -> tuple[CheckResult, ...]:
    """The rules may be new where no row is: judge the version that is there."""
    present = rules_of(table, suite_of(connection.workspace, table))
    wanted = {expectation.check_name for expectation in present.expectations}
    return judged(connection, table.name, version, wanted=wanted, compiled=lambda _: present, run_id=run_id)


def recover_if_open(connection: Connection, table: Table) -> None:
    """Finish a crashed run's decision, if there is one; asks no server where there is none."""
    from lakehouse.storage import read_json
    from lakehouse.write.door import intent_uri

    if read_json(intent_uri(connection.workspace, table.name)) is not None:
        recover(connection.workspace, connection.session(), table)
