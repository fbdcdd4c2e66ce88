"""Publish by reference: one commit that makes staged files a version."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote

from lakehouse.declare.types import types_of
from lakehouse.delta.file_statistics import Adopted, read_adopted
from lakehouse.delta.live_files import live_files
from lakehouse.delta.log import log_of
from lakehouse.delta.log_entry import Action, Change, commit
from lakehouse.delta.partition_values import Partition, canonical
from lakehouse.delta.stamp import Stamp
from lakehouse.storage import File

if TYPE_CHECKING:
    from deltalake import DeltaTable

# With any other writer feature the rows would be wrong: columns that are mapped are not found in the files by their
# names and would silently be null, generated ones would not be computed, rows would lack the ids of row tracking.
_BY_REFERENCE = frozenset(
    (
        *("appendOnly", "invariants", "checkConstraints", "changeDataFeed"),
        *("deletionVectors", "v2Checkpoint", "timestampNtz", "variantType", "checkpointProtection"),
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
    replaced: Sequence[Partition] | None = None,
) -> int:
    """Commit files that lie in the table's folder already.

    Args:
        table: The Delta table, at its latest version.
        files: Parquet files, `relative` to the table.
        columns: The declared columns; others in the files are not looked at.
        stamp: What the commit says of itself.
        mode: Add to the table's files or replace them.
        replaced: With `overwrite`: the partitions whose files are replaced; None for all files.

    Returns:
        Rows committed.

    Raises:
        CommitFailedError: another commit came first.
        NotReplayableError: with `overwrite`, the log does not tell the files that are there.
    """
    removed = [] if mode == "append" else _files_of(table, replaced)
    partitioned_by = table.metadata().partition_columns
    added, rows = additions(table, files, columns, partitioned_by)
    parameters = {"mode": mode.capitalize(), "partitionBy": json.dumps(partitioned_by)}
    metrics = {"numFiles": len(added), "numOutputRows": rows, "numRemovedFiles": len(removed)}
    commit(table, stamp, Change("WRITE", added, removed, parameters, metrics))
    return rows


def _files_of(table: "DeltaTable", partitions: Sequence[Partition] | None) -> list[Action]:
    """The files of some partitions, or of all, as the log has them."""
    files = live_files(log_of(table.table_uri), table.version()).values()
    if partitions is None:
        return list(files)
    types = types_of(json.loads(table.schema().to_json()))
    names = sorted(table.metadata().partition_columns)

    def place(values: Partition) -> tuple[str | None, ...]:
        return tuple(canonical(values.get(name), types[name]) for name in names)

    places = set(map(place, partitions))
    return [action for action in files if place(action["partitionValues"]) in places]


def swap(
    table: "DeltaTable", files: Sequence[File], columns: set[str], stamp: Stamp, *, removed: Sequence[Action]
) -> int:
    """Commit files in place of some that a table without partitions has; `removed` are those, as the log has them.

    Returns:
        Rows committed.

    Raises:
        CommitFailedError: another commit came first.
    """
    added, rows = additions(table, files, columns, ())
    commit(table, stamp, Change("WRITE", added, removed, {"mode": "Append"}))
    return rows


def additions(
    table: "DeltaTable", files: Sequence[File], columns: set[str], partitioned_by: Sequence[str]
) -> tuple[list[Action], int]:
    """The `add` actions of files, and their rows. A file without rows is left out."""
    read = [(file, read_adopted(table.table_uri, file, columns, partitioned_by)) for file in files]
    actions = [addition(file, adopted) for file, adopted in read if adopted.rows]
    return actions, sum(adopted.rows for _, adopted in read)


def addition(file: File, read: Adopted) -> Action:
    """The `add` action of a file that lies in the table's folder."""
    return {
        "path": quote(file.relative, safe="/="),
        "partitionValues": read.partition,
        "size": file.size,
        "modificationTime": file.modified_ms,
        "stats": read.statistics,
    }
