"""The door: how a frame becomes a version. Shape, stage, judge, decide, quarantine, publish, report."""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from lakehouse.errors import AuditFailedError, InvalidKeyError, Problem
from lakehouse.history import MARK, open_table
from lakehouse.modes import Merge, Overwrite
from lakehouse.quality.compile import Compiled, broken_rules_sql, compile_suite, declared_not_null
from lakehouse.quality.judge import CheckResult, judge, verdict
from lakehouse.quality.suite import Suite, load_suite
from lakehouse.storage import delete_file, delete_folder, read_json, write_json
from lakehouse.table import Table, quarantine_of
from lakehouse.workspace import Workspace
from lakehouse.write.catalog import ensure
from lakehouse.write.checks import record
from lakehouse.write.footers import read_statistics
from lakehouse.write.publish import Stamp, adopt, is_done, merge
from lakehouse.write.quarantine import quarantine
from lakehouse.write.shape import check_shape
from lakehouse.write.stage import BAD, GOOD, OLDER, TWICE, Staged, stage

if TYPE_CHECKING:
    from deltalake import DeltaTable
    from pyspark.sql import DataFrame, SparkSession


@dataclass(frozen=True)
class Batch:
    """What one run brings to the door.

    Args:
        run_id: The run; also names the staging folder.
        batch_id: What was read together.
        inputs: Positions up to which the inputs were read, by name.
        code: Digest of the code.
        commit: Commit of the checkout, if known.
    """

    run_id: str
    batch_id: str
    inputs: dict[str, Any] = field(default_factory=dict)
    code: str = ""
    commit: str | None = None


@dataclass(frozen=True)
class Published:
    """What came of a run.

    Args:
        table: `layer.entities`.
        version: The version that holds the rows, or that was kept.
        unchanged: True where nothing was new and nothing was written.
        rows_in: Rows of the frame; they are the sum of the next three.
        published: Rows appended, inserted or updated.
        quarantined: Rows sent to quarantine.
        deduplicated: Rows that an equal or newer row of the same key stands for.
        checks: Results of the expectations.
        seconds: Wall time at the door.
    """

    table: str
    version: int
    unchanged: bool = False
    rows_in: int = 0
    published: int = 0
    quarantined: int = 0
    deduplicated: int = 0
    checks: tuple[CheckResult, ...] = ()
    seconds: float = 0.0


@dataclass(frozen=True)
class Intent:
    """A decision that outlives a crash: with it the staged files become a version without computing anything again."""

    table: str
    sequence: int
    staged: dict[str, str]
    note: dict[str, Any]
    broken_sql: str
    rows: dict[str, int]

    @property
    def stamp(self) -> Stamp:
        """The commits' key and note."""
        return Stamp(f"{MARK}/{self.table}", self.sequence, self.note)


def intent_uri(workspace: Workspace, name: str) -> str:
    """Where a table's open intent is."""
    return f"{workspace.warehouse}/_intents/{name}.json"


def suite_name(name: str) -> str:
    """Where the suite of `layer.entities` is, below the project."""
    return f"expectations/{name.replace('.', '/')}.json"


def suite_of(workspace: Workspace, table: Table) -> Suite | None:
    """The suite of a table, `expectations/<layer>/<entities>.json`, or None."""
    columns = {column.name: column.type for column in table.columns}
    return load_suite(workspace.settings.project / suite_name(table.name), columns)


def rules_of(table: Table, suite: Suite | None) -> Compiled:
    """The compiled suite of a table, with the rules of the declaration before those of the suite."""
    columns = {column.name: column.type for column in table.columns}
    compiled = compile_suite(suite, columns)
    required = [c.name for c in table.columns if not c.nullable or c.name in table.key]
    declared = tuple(declared_not_null(name) for name in required)
    return Compiled(declared + compiled.rows, compiled.aggregates, compiled.rest)


def _rows(staged: Staged, columns: set[str]) -> dict[str, int]:
    """Rows staged by verdict, from the footers."""
    return {
        audit: sum(read_statistics(staged.root, file, columns)[0] for file in staged.files(audit))
        for audit in (GOOD, BAD, OLDER, TWICE)
    }


def failures(results: Sequence[CheckResult]) -> list[Problem]:
    """Failed checks in words: counts and what was measured, never values of rows."""
    return [
        Problem(
            result.label,
            "to hold",
            f"{result.unexpected_count} of {result.element_count} rows against it"
            if result.unexpected_count is not None
            else f"{result.observed}",
        )
        for result in results
    ]


def _next_sequence(workspace: Workspace, delta: "DeltaTable", name: str) -> int:
    rejected = open_table(workspace, quarantine_of(name))
    app = f"{MARK}/{name}"
    done = [table.transaction_version(app) or 0 for table in (delta, rejected) if table is not None]
    return max(done) + 1


def write(workspace: Workspace, session: "SparkSession", table: Table, frame: "DataFrame", batch: Batch) -> Published:
    """Bring a frame through the door. The caller holds the table's lock.

    Raises:
        SchemaMismatchError: the frame has another shape than the declaration.
        AuditFailedError: a critical expectation failed; nothing was published.
        InvalidKeyError: rows of one key, and the write mode declares no order for them.
        SuiteError: the suite cannot be read.
    """
    started = time.monotonic()
    delta = ensure(workspace, session, table)
    rules = rules_of(table, suite_of(workspace, table))
    shaped = check_shape(table, frame, delta.version())
    staged = stage(table, shaped, rules.rows, root=workspace.table_path(table.name), run=batch.run_id)
    rows = _rows(staged, set(table.column_names))
    if rows[TWICE]:
        delete_folder(staged.path)
        raise InvalidKeyError(
            f"{table.name} was not written, it stays at version {delta.version()}.\n"
            f"  {', '.join(table.key)}  expected one row per key in a batch, got {rows[TWICE]} rows too many\n"
            f"Declare `sequence=` of its Merge, so that the newest row of a key wins, or make the transform give one."
        )
    results = judge(staged.frame(session), rules, table.column_names)
    decided = verdict(results)
    if decided.blocking:
        record(workspace, session, table.name, results, run_id=batch.run_id, version=None)
        delete_folder(staged.path)
        raise AuditFailedError(table.name, delta.version(), failures(decided.blocking), suite_name(table.name), results)
    intent = Intent(
        table=table.name,
        sequence=_next_sequence(workspace, delta, table.name),
        staged=asdict(staged),
        note=_note(table, batch, rows, results),
        broken_sql=broken_rules_sql(rules.rows),
        rows=rows,
    )
    write_json(intent_uri(workspace, table.name), asdict(intent))
    return finish(workspace, session, table, intent, checks=results, started=started)


def _note(table: Table, batch: Batch, rows: dict[str, int], results: Sequence[CheckResult]) -> dict[str, Any]:
    return {
        MARK: 1,
        "asset": table.name,
        "run": batch.run_id,
        "batch": batch.batch_id,
        "inputs": batch.inputs,
        "code": batch.code,
        "commit": batch.commit,
        "rows": {"in": sum(rows.values()), "quarantined": rows[BAD], "superseded": rows[OLDER]},
        "checks": [result.to_json() for result in results],
    }


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
    staged, stamp = Staged(**intent.staged), intent.stamp
    if intent.rows[BAD]:
        quarantine(workspace, session, table, staged, broken_sql=intent.broken_sql, stamp=stamp)
    delta = ensure(workspace, session, table)
    good = intent.rows[GOOD]
    published = good
    if not is_done(delta, stamp):
        if isinstance(table.write, Merge) and good:
            published = merge(session, table, staged.frame(session, GOOD), stamp)
        else:
            mode = "overwrite" if isinstance(table.write, Overwrite) else "append"
            adopt(delta, staged.files(GOOD), set(table.column_names), stamp, mode)  # type: ignore[arg-type]
        delta.update_incremental()
    elif isinstance(table.write, Merge):
        published = _merged(workspace, table.name, intent)
    record(workspace, session, table.name, checks, run_id=intent.note["run"], version=delta.version())
    delete_file(intent_uri(workspace, table.name))
    for audit in (GOOD, BAD, OLDER) if isinstance(table.write, Merge) else (BAD, OLDER):
        delete_folder(f"{staged.path}/audit={audit}")
    return Published(
        table=table.name,
        version=delta.version(),
        rows_in=sum(intent.rows.values()),
        published=published,
        quarantined=intent.rows[BAD],
        deduplicated=intent.rows[OLDER] + good - published,
        checks=tuple(checks),
        seconds=time.monotonic() - started,
    )


def _merged(workspace: Workspace, name: str, intent: Intent) -> int:
    """Rows that an already committed merge inserted or updated, from Delta's own metrics."""
    from lakehouse.history import history

    for commit in history(workspace, name):
        if commit.note.get("run") == intent.note["run"]:
            metrics = commit.metrics
            return int(metrics.get("numTargetRowsInserted", 0)) + int(metrics.get("numTargetRowsUpdated", 0))
    return intent.rows[GOOD]


def recover(workspace: Workspace, session: "SparkSession", table: Table) -> Published | None:
    """Finish what a crashed run has decided, from its staged files; None where nothing is open."""
    found = read_json(intent_uri(workspace, table.name))
    if found is None:
        return None
    intent = Intent(**found)
    checks = tuple(CheckResult.from_json(each) for each in intent.note["checks"])
    return finish(workspace, session, table, intent, checks=checks, started=time.monotonic())
