"""Publish: one commit that makes staged rows a version. By reference where Delta lets us, else by SQL."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from lakehouse.modes import Merge
from lakehouse.storage import File
from lakehouse.table import Table, quote
from lakehouse.write.footers import read_statistics

if TYPE_CHECKING:
    from deltalake import DeltaTable
    from pyspark.sql import DataFrame, SparkSession

USER_METADATA = "spark.databricks.delta.commitInfo.userMetadata"
TXN_APP, TXN_VERSION = "spark.databricks.delta.write.txnAppId", "spark.databricks.delta.write.txnVersion"


@dataclass(frozen=True)
class Stamp:
    """What a commit says of itself, and the key that keeps it from happening twice.

    Args:
        app: Transaction application, one per table that is written; None for a commit that may come twice.
        sequence: Rises by one with each publish.
        note: The explaining JSON.
    """

    app: str | None
    sequence: int
    note: dict[str, Any]

    @property
    def text(self) -> str:
        """The note as `userMetadata`."""
        return json.dumps(self.note, separators=(",", ":"))


def is_done(table: "DeltaTable", stamp: Stamp) -> bool:
    """Whether a commit with this stamp is in the table already."""
    done = table.transaction_version(stamp.app) if stamp.app else None
    return done is not None and done >= stamp.sequence


def adopt(
    table: "DeltaTable", files: Sequence[File], columns: set[str], stamp: Stamp, mode: Literal["append", "overwrite"]
) -> int:
    """Commit files that lie in the table's folder already.

    Args:
        table: The Delta table, at its latest version.
        files: Parquet files, `relative` to the table.
        columns: The declared columns; others in the files are not looked at.
        stamp: What the commit says of itself.
        mode: Add to the table's files or replace them.

    Returns:
        Rows committed.
    """
    from deltalake import CommitProperties
    from deltalake.transaction import AddAction, RemoveAction, Transaction

    root = table.table_uri
    counted = [(file, *read_statistics(root, file, columns)) for file in files]
    actions: list[AddAction | RemoveAction] = [
        AddAction(
            path=file.relative,
            size=file.size,
            partition_values={},
            modification_time=file.modified_ms,
            data_change=True,
            stats=statistics,
        )
        for file, rows, statistics in counted
        if rows
    ]
    keys = [Transaction(stamp.app, stamp.sequence)] if stamp.app else []
    properties = CommitProperties(custom_metadata={"userMetadata": stamp.text}, app_transactions=keys)
    table.create_write_transaction(actions, mode, table.schema(), commit_properties=properties)
    return sum(rows for _, rows, _ in counted)


@contextmanager
def stamped(session: "SparkSession", stamp: Stamp) -> Iterator[None]:
    """Give the next statement of `session` the stamp; afterwards the session is as before.

    Transaction settings that stay on a session silently skip its later writes, so they are taken off again.
    """
    session.conf.set(USER_METADATA, stamp.text)
    if stamp.app:
        session.conf.set(TXN_APP, stamp.app)
        session.conf.set(TXN_VERSION, str(stamp.sequence))
    try:
        yield
    finally:
        for name in (TXN_APP, TXN_VERSION, USER_METADATA):
            session.conf.unset(name)


def merge_sql(table: Table, mode: Merge, source: str) -> str:
    """The MERGE statement: newer rows update, new keys are inserted, older and equal ones change nothing."""
    on = " AND ".join(f"t.{quote(name)} = s.{quote(name)}" for name in mode.on)
    values = ", ".join(f"{quote(name)} = s.{quote(name)}" for name in table.column_names)
    names = ", ".join(quote(name) for name in table.column_names)
    inserted = ", ".join(f"s.{quote(name)}" for name in table.column_names)
    newer = ""
    if mode.sequence:
        order = [", ".join(f"{side}.{quote(name)}" for name in mode.sequence) for side in ("s", "t")]
        newer = f" AND struct({order[0]}) > struct({order[1]})"
    return (
        f"MERGE INTO {quote(table.name)} AS t USING {source} AS s ON {on} "
        f"WHEN MATCHED{newer} THEN UPDATE SET {values} "
        f"WHEN NOT MATCHED THEN INSERT ({names}) VALUES ({inserted})"
    )


def merge(session: "SparkSession", table: Table, good: "DataFrame", stamp: Stamp) -> int:
    """Merge the good rows in one commit.

    Returns:
        Rows inserted or updated.
    """
    assert isinstance(table.write, Merge)  # noqa: S101 - narrows the union for the type checker
    view = f"staged_{stamp.sequence}_{table.name.replace('.', '_')}"
    good.createOrReplaceTempView(view)
    try:
        with stamped(session, stamp):
            result = session.sql(merge_sql(table, table.write, view)).collect()
    finally:
        session.catalog.dropTempView(view)
    return int(result[0]["num_inserted_rows"]) + int(result[0]["num_updated_rows"])
