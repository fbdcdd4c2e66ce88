"""Small files of a plain table become one by reference, without a server."""

import json
import uuid
from collections.abc import Sequence
from typing import TYPE_CHECKING
from urllib.parse import unquote

from lakehouse.delta.live_files import live_files
from lakehouse.delta.log import log_of
from lakehouse.delta.log_entry import Change, commit
from lakehouse.delta.note import Note
from lakehouse.delta.stamp import Stamp
from lakehouse.maintenance.small_files import Need, StoredFile
from lakehouse.storage import locate

if TYPE_CHECKING:
    import pyarrow as pa
    from deltalake import DeltaTable

FOLDER = "joined"
_GROUP_ROWS = 8192


def join(delta: "DeltaTable", name: str, files: Sequence[StoredFile], why: Need, *, order: Sequence[str]) -> None:
    """Put one file in the place of some, in a commit that changes no row.

    Args:
        delta: The table, without partitions and deletion vectors, at its latest version.
        name: `layer.entities`.
        files: The files, all of this version.
        why: What is said of it.
        order: Columns that the rows are sorted by, so that few are read to find some.

    Raises:
        CommitFailedError: another commit came first.
    """
    import pyarrow.parquet as pq

    stored = {unquote(path): action for path, action in live_files(log_of(delta.table_uri), delta.version()).items()}
    rows = _rows(delta, files).sort_by([(column, "ascending") for column in order])
    store, root = locate(delta.table_uri)
    relative = f"{FOLDER}/{uuid.uuid4().hex}.parquet"
    store.create_dir(f"{root}/{FOLDER}", recursive=True)
    with store.open_output_stream(f"{root}/{relative}") as stream:
        pq.write_table(rows, stream, row_group_size=_GROUP_ROWS)
    written = store.get_file_info(f"{root}/{relative}")
    added = {
        "path": relative,
        "partitionValues": {},
        "size": written.size,
        "modificationTime": written.mtime_ns // 1_000_000,
        "stats": json.dumps({"numRecords": rows.num_rows}),
    }
    removed = [stored[unquote(file.path)] for file in files]
    commit(
        delta, Stamp(None, 0, Note(name, upkeep=why.upkeep)), Change("OPTIMIZE", [added], removed, changes_rows=False)
    )


def _rows(delta: "DeltaTable", files: Sequence[StoredFile]) -> "pa.Table":
    """The rows of files; a column that an older file lacks is null."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    store, root = locate(delta.table_uri)
    schema = pa.schema(delta.schema().to_arrow()).remove_metadata()
    read = [pq.read_table(f"{root}/{unquote(file.path)}", filesystem=store) for file in files]
    return (
        pa.concat_tables([schema.empty_table(), *read], promote_options="permissive").select(schema.names).cast(schema)
    )
