"""Small files of a plain table become one by reference, without a server. For tables that delta-rs alone writes."""

import json
import time
import uuid
from collections.abc import Sequence
from typing import TYPE_CHECKING
from urllib.parse import unquote

from lakehouse.delta.stamp import NOTE
from lakehouse.maintenance.compact import note_of
from lakehouse.maintenance.small_files import Held, Need
from lakehouse.storage import locate

if TYPE_CHECKING:
    import pyarrow as pa
    from deltalake import DeltaTable

FOLDER = "joined"
_GROUP_ROWS = 8192


def join(delta: "DeltaTable", name: str, files: Sequence[Held], found: Need, *, order: Sequence[str]) -> None:
    """Put one file in the place of some, in a commit that changes no row.

    The caller holds a lock that all who do this hold, and opened the table under it: delta-rs 1.6 lets two commits
    remove the same files, and the rows would come twice.

    Args:
        delta: The table, without partitions and deletion vectors, at its latest version.
        name: `layer.entities`.
        files: The files, all of this version.
        found: Why.
        order: Columns that the rows are sorted by, so that few are read to find some.
    """
    import pyarrow.parquet as pq
    from deltalake import CommitProperties
    from deltalake.transaction import AddAction, RemoveAction

    rows = _rows(delta, files).sort_by([(column, "ascending") for column in order])
    store, root = locate(delta.table_uri)
    relative = f"{FOLDER}/{uuid.uuid4().hex}.parquet"
    store.create_dir(f"{root}/{FOLDER}", recursive=True)
    with store.open_output_stream(f"{root}/{relative}") as stream:
        pq.write_table(rows, stream, row_group_size=_GROUP_ROWS)
    size, now = store.get_file_info(f"{root}/{relative}").size, int(time.time() * 1000)
    removed = [RemoveAction(each.path, False, now, each.size, {}) for each in files]
    added = AddAction(relative, size, {}, now, False, json.dumps({"numRecords": rows.num_rows}))
    delta.create_write_transaction(
        [*removed, added],
        "append",
        delta.schema(),
        commit_properties=CommitProperties(custom_metadata={NOTE: note_of(name, found)}),
    )


def _rows(delta: "DeltaTable", files: Sequence[Held]) -> "pa.Table":
    """The rows of files; a column that an older file lacks is null."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    store, root = locate(delta.table_uri)
    schema = pa.schema(delta.schema().to_arrow()).remove_metadata()
    read = [pq.read_table(f"{root}/{unquote(each.path)}", filesystem=store) for each in files]
    return (
        pa.concat_tables([schema.empty_table(), *read], promote_options="permissive").select(schema.names).cast(schema)
    )
