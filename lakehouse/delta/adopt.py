"""Publish by reference: one commit that makes staged files a version."""

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from lakehouse.delta.file_statistics import Adopted, read_adopted
from lakehouse.delta.note import USER_METADATA
from lakehouse.delta.stamp import Stamp
from lakehouse.storage import File

if TYPE_CHECKING:
    from deltalake import CommitProperties, DeltaTable
    from deltalake.transaction import AddAction, RemoveAction


# With any other writer feature delta-rs 1.6 refuses (`CommitFailedError: Unsupported table features required`), or the
# rows would be wrong: columns that are mapped are not found in the files by their names and would silently be null, and
# generated ones would not be computed.
_BY_REFERENCE = frozenset(
    (
        *("appendOnly", "invariants", "checkConstraints", "changeDataFeed"),
        *("deletionVectors", "v2Checkpoint", "timestampNtz", "variantType"),
    )
)


def takes_references(table: "DeltaTable") -> bool:
    """Whether a commit by reference can be made; otherwise Spark must write the rows."""
    return set(table.protocol().writer_features or ()) <= _BY_REFERENCE


def adopt(
    table: "DeltaTable",
    files: Sequence[File],
    columns: set[str],
    stamp: Stamp,
    mode: Literal["append", "overwrite"],
    *,
    partitioned_by: Sequence[str] = (),
    replaced: Sequence[str] | None = None,
) -> int:
    """Commit files that lie in the table's folder already.

    Args:
        table: The Delta table, at its latest version.
        files: Parquet files, `relative` to the table.
        columns: The declared columns; others in the files are not looked at.
        stamp: What the commit says of itself.
        mode: Add to the table's files or replace them.
        partitioned_by: The table's partition columns.
        replaced: With `overwrite`: values of the one partition column whose files are replaced; None for all files.

    Returns:
        Rows committed.
    """
    additions, rows = _additions(table, files, columns, partitioned_by)
    table.create_write_transaction(
        additions,
        mode,
        table.schema(),
        partition_by=list(partitioned_by) or None,
        partition_filters=None if replaced is None else [(partitioned_by[0], "in", list(replaced))],
        commit_properties=_commit_properties(stamp),
    )
    return rows


def swap(
    table: "DeltaTable", files: Sequence[File], columns: set[str], stamp: Stamp, *, removed: Sequence[tuple[str, int]]
) -> int:
    """Commit files in place of some that a table without partitions has; `removed` are their paths and sizes.

    Returns:
        Rows committed.
    """
    from deltalake.transaction import RemoveAction

    additions, rows = _additions(table, files, columns, ())
    now = int(time.time() * 1000)
    gone = [RemoveAction(path, True, now, size, {}) for path, size in removed]
    table.create_write_transaction(
        [*gone, *additions], "append", table.schema(), commit_properties=_commit_properties(stamp)
    )
    return rows


def _additions(
    table: "DeltaTable", files: Sequence[File], columns: set[str], partitioned_by: Sequence[str]
) -> "tuple[list[AddAction | RemoveAction], int]":
    """The actions that add files, and their rows. A file without rows is left out."""
    from deltalake.transaction import AddAction

    adopted: list[tuple[File, Adopted]] = [
        (file, read_adopted(table.table_uri, file, columns, partitioned_by)) for file in files
    ]
    actions: list[AddAction | RemoveAction] = [
        AddAction(
            path=file.relative,
            size=file.size,
            partition_values=read.partition,
            modification_time=file.modified_ms,
            data_change=True,
            stats=read.statistics,
        )
        for file, read in adopted
        if read.rows
    ]
    return actions, sum(read.rows for _, read in adopted)


def _commit_properties(stamp: Stamp) -> "CommitProperties":
    from deltalake import CommitProperties
    from deltalake.transaction import Transaction

    keys = [Transaction(stamp.app, stamp.sequence)] if stamp.app else []
    return CommitProperties(custom_metadata={USER_METADATA: stamp.text}, app_transactions=keys)
