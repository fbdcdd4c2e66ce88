"""`ops.checks`: the result of each expectation at each publish, as rows."""

import hashlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from lakehouse.declare.column import Column
from lakehouse.declare.table import Table
from lakehouse.delta.adopt import adopt
from lakehouse.delta.history import files_of
from lakehouse.delta.log_entry import is_local
from lakehouse.delta.note import Note
from lakehouse.delta.stamp import Stamp
from lakehouse.delta.tables import Tables, id_of
from lakehouse.errors import WorkspaceBusyError
from lakehouse.locks.table_lock import table_lock
from lakehouse.maintenance.join_files import join
from lakehouse.maintenance.small_files import LIMITS, Limits, files_by, groups_to_join, need
from lakehouse.quality.judge import CheckResult
from lakehouse.quality.suite.expectation import BATCH
from lakehouse.schema.create import ensure
from lakehouse.storage import File, locate
from lakehouse.workspace import Workspace
from lakehouse.write.retry import retried

if TYPE_CHECKING:
    import pyarrow as pa
    from deltalake import DeltaTable
    from pyspark.sql import SparkSession

CHECKS = Table(
    "ops.checks",
    grain="one row per expectation and audit of a table",
    columns=(
        Column("asset", "string", "The table that was audited"),
        Column("table_version", "bigint", "The version that the rows became, or that was read; null where blocked"),
        Column("run_id", "string", "The run"),
        Column("checked_at", "timestamp", "UTC"),
        Column("check_name", "string", "Stable name of the expectation within its suite"),
        Column("expectation", "string", "Type of the expectation, in Great Expectations' words"),
        Column("column", "string", "The column, where the expectation has one"),
        Column("severity", "string", "critical, warning or info"),
        Column("is_success", "boolean", "Whether the expectation holds, `mostly` counted"),
        Column("element_count", "bigint", "Rows looked at"),
        Column("unexpected_count", "bigint", "Rows that break it"),
        Column("observed", "string", "What was measured, for expectations on the whole table"),
        Column("partition", "string", "Key of the partition that was audited by itself; null for the whole batch"),
        Column("table_id", "string", "Delta's id of the table: one that is dropped and made again has another"),
        Column("rule", "string", "Digest of the expectation as it stood: type, arguments, condition and severity"),
        Column("scope", "string", "What it speaks of: batch, the rows that came; table, all rows with them"),
    ),
)


# Of a whole batch; or by key of a partition, None for what is about no partition.
Results = Sequence[CheckResult] | Mapping[str, Sequence[CheckResult]] | Mapping[str | None, Sequence[CheckResult]]


@dataclass(frozen=True)
class Audit:
    """What was audited, and by which run.

    Args:
        asset: `layer.entities`.
        version: Delta's; None where the rows were refused.
        run_id: The run; None where any is meant.
        table_id: Delta's id of the table; None where it is not known.
    """

    asset: str
    version: int | None
    run_id: str | None
    table_id: str | None


@cache
def _schema() -> "pa.Schema":
    import pyarrow as pa

    types = {"string": pa.string(), "bigint": pa.int64(), "boolean": pa.bool_(), "timestamp": pa.timestamp("us", "UTC")}
    return pa.schema([(column.name, types[column.type]) for column in CHECKS.columns])


def record(
    tables: Tables,
    session: "SparkSession",
    asset: str,
    results: Results,
    *,
    run_id: str,
    version: int | None,
    limits: Limits = LIMITS,
) -> None:
    """Add results to `ops.checks`, in one commit; none where there are no results, or where this run's are there.

    The file's name is the key, and the rows are where files were joined: a transaction id for each run would stay in
    the log for ever.

    Args:
        tables: The tables that the run touches.
        session: The session.
        asset: The table that was audited.
        results: Of the whole batch, or by key of a partition; None is the key of what is about no partition.
        run_id: The run.
        version: The version that was audited, or that the rows became; None where they were refused.
        limits: When small files are joined.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    by_partition = results.items() if isinstance(results, Mapping) else [(None, results)]
    every_one = [(partition, result) for partition, results in by_partition for result in results]
    if not every_one:
        return
    delta = ensure(tables, session, CHECKS)
    # One run may audit a version twice by different rules: dbt's tests, then the suite.
    names = sorted({f"{result.name} {result.rule}" for _, result in every_one})
    rules = hashlib.sha256("\n".join(names).encode()).hexdigest()[:12]
    relative = f"run-{run_id}/{_stem(asset, version)}{rules}.parquet"
    audit = Audit(asset, version, run_id, id_of(tables.opened(asset)))
    if _is_recorded(delta, relative, audit, {(key, result.name, result.rule) for key, result in every_one}):
        return
    now = datetime.now(UTC)
    rows = [_row(audit, now, partition, result) for partition, result in every_one]
    store, root = locate(tables.workspace.table_path(CHECKS.name))
    store.create_dir(f"{root}/run-{run_id}", recursive=True)
    with store.open_output_stream(f"{root}/{relative}") as stream:
        pq.write_table(pa.Table.from_pylist(rows, schema=_schema()), stream)
    size = store.get_file_info(f"{root}/{relative}").size
    file = File(f"{root}/{relative}", relative, size, int(now.timestamp() * 1000))
    note = Note(CHECKS.name, run=run_id, audited=asset)
    # Runs of other tables add their results at the same time.
    retried(CHECKS.name, lambda: _added(tables, file, Stamp(None, 0, note)))
    if need(files_by(delta), limits) is not None:
        _keep_up(tables, limits)


def _added(tables: Tables, file: File, stamp: Stamp) -> None:
    delta = tables.latest(CHECKS.name)
    assert delta is not None  # noqa: S101 - it was made before
    adopt(delta, [file], set(CHECKS.column_names), stamp, "append")


def _stem(asset: str, version: int | None) -> str:
    """How the names of the files of one audit begin."""
    return f"{asset}-{version}-"


def _is_recorded(
    delta: "DeltaTable", relative: str, audit: Audit, expected: set[tuple[str | None, str, str | None]]
) -> bool:
    """Whether these results are there, in their own file or in one that others were joined with."""
    paths = [unquote(path) for path in delta.get_add_actions(flatten=True)["path"].to_pylist()]
    if relative in paths:
        return True
    others = [path for path in paths if not path.startswith("run-")]
    rows = _rows_of(delta.table_uri, others, audit, ("run_id", "=", audit.run_id))
    return expected <= {(row["partition"], row["check_name"], row["rule"]) for row in rows}


def _rows_of(uri: str, paths: Sequence[str], audit: Audit, *more: tuple[str, str, str | None]) -> list[dict[str, Any]]:
    """The results of the audits of one version of a table that are in some files."""
    import pyarrow.parquet as pq

    store, root = locate(uri)
    # A refused batch has no version, and null equals nothing.
    version = audit.version
    which = [("asset", "=", audit.asset), *([] if version is None else [("table_version", "=", version)]), *more]
    rows: list[dict[str, Any]] = []
    for path in paths:
        # Older files lack columns that the table has by now.
        rows += pq.read_table(f"{root}/{path}", schema=_schema(), filesystem=store, filters=which).to_pylist()
    return [row for row in rows if (row["table_version"], row["table_id"]) == (version, audit.table_id)]


def _keep_up(tables: Tables, limits: Limits) -> None:
    """Join the files where there are many. What goes wrong is told, and tried again at a later audit."""
    from deltalake.exceptions import DeltaError

    try:
        with table_lock(tables.workspace, CHECKS.name, wait_s=0):
            delta = tables.latest(CHECKS.name)
            files = [] if delta is None else files_by(delta)
            why = need(files, limits)
            if delta is not None and why is not None and is_local(delta.table_uri):
                for group in groups_to_join(files, limits):
                    join(delta, CHECKS.name, group, why, order=("asset", "table_version"))
                # Else the files that were joined are read from the log by each who opens the table.
                delta.create_checkpoint()
    except WorkspaceBusyError:
        logging.getLogger(__name__).debug("%s is being kept up by another process", CHECKS.name)
    except (DeltaError, OSError) as error:
        logging.getLogger(__name__).warning(
            "The files of %s were not joined (%s). All results are there.", CHECKS.name, type(error).__name__
        )


def _row(audit: Audit, now: datetime, partition: str | None, result: CheckResult) -> dict[str, Any]:
    return {
        "asset": audit.asset,
        "table_version": audit.version,
        "run_id": audit.run_id,
        "checked_at": now,
        "check_name": result.name,
        "expectation": result.type,
        "column": result.column,
        "severity": result.severity,
        "is_success": result.success,
        "element_count": result.element_count,
        "unexpected_count": result.unexpected_count,
        "observed": None if result.observed is None else str(result.observed),
        "partition": partition,
        "table_id": audit.table_id,
        "rule": result.rule,
        "scope": result.scope,
    }


def audited(workspace: Workspace, asset: str, version: int, table_id: str | None) -> tuple[CheckResult, ...]:
    """The recorded results of the audits of one version of a table; empty if it was not audited. Starts no job.

    Args:
        workspace: Where the results are.
        asset: `layer.entities`.
        version: Delta's.
        table_id: Delta's id of the table: results of one that had its name before are not given.
    """
    paths = [unquote(path) for path in files_of(workspace, CHECKS.name)]
    # A file of one audit says in its name which one.
    of_it = [path for path in paths if not path.startswith("run-") or f"/{_stem(asset, version)}" in path]
    audit = Audit(asset, version, None, table_id)
    rows = _rows_of(workspace.table_path(CHECKS.name), of_it, audit)
    return tuple(
        CheckResult(
            name=row["check_name"],
            label=row["check_name"],
            type=row["expectation"],
            column=row["column"],
            severity=row["severity"],
            success=row["is_success"],
            element_count=row["element_count"],
            unexpected_count=row["unexpected_count"],
            observed=row["observed"],
            rule=row["rule"],
            scope=row["scope"] or BATCH,
        )
        for row in rows
        if row["partition"] is None
    )
