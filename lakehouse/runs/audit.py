"""The audit of a version that is there: done once, kept in `ops.checks`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from lakehouse.declare.types import types_of
from lakehouse.delta.tables import Tables, id_of
from lakehouse.engine.session import Connection
from lakehouse.errors import AuditFailedError
from lakehouse.quality.compile import Compiled, compile_suite
from lakehouse.quality.judge import CheckResult, audit, verdict
from lakehouse.quality.references import pinned
from lakehouse.quality.suite.expectation import TABLE, Expectation
from lakehouse.quality.suite.suite import load_suite
from lakehouse.sources.tables import snapshot
from lakehouse.write.ops_checks import audited, record
from lakehouse.write.table_rules import failures, suite_name

CompiledFor = Callable[[Mapping[str, str]], Compiled]


def judged(
    connection: Connection,
    tables: Tables,
    name: str,
    version: int,
    *,
    expectations: Sequence[Expectation],
    compiled: CompiledFor,
    run_id: str,
) -> tuple[CheckResult, ...]:
    """Results of an audit of one version of a table, which is done once; they are kept in `ops.checks`.

    Args:
        connection: The workspace.
        tables: The tables that the run touches.
        name: `layer.entities`.
        version: Delta's.
        expectations: What it is audited by. A result of one that has changed since says nothing.
        compiled: Gives the rules for columns (name to Spark type).
        run_id: The run.

    Raises:
        AuditFailedError: a critical expectation failed; who reads the version must not go on.
    """
    delta = tables.opened(name)
    rules = {expectation.check_name: expectation.digest for expectation in expectations}
    there = audited(connection.workspace, name, version, id_of(delta))
    # The rules may have changed back and forth: of each the newest result is as good as any.
    as_they_stand = {result.name: result for result in there if (result.name, result.rule) in rules.items()}
    results = tuple(as_they_stand.values())
    if len(results) < len(rules):
        session = connection.session()
        frame = snapshot(session, name, version)
        columns = types_of(frame.schema.jsonValue())
        judged_anew = audit(frame, pinned(connection.workspace, compiled(columns)))
        results = tuple(replace(result, scope=TABLE) for result in judged_anew)
        record(tables, session, name, results, run_id=run_id, version=version)
    blocking = verdict(results).blocking
    if blocking:
        raise AuditFailedError(name, version, failures(blocking), suite_name(name), results)
    return results


def audit_foreign(
    connection: Connection, tables: Tables, name: str, version: int, run_id: str
) -> tuple[CheckResult, ...]:
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
        tables,
        name,
        version,
        expectations=suite.expectations,
        compiled=lambda columns: compile_suite(load_suite(suite_file, columns), columns),
        run_id=run_id,
    )
