"""Parquet files of a table that no server writes."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from lakehouse.storage import File, locate

if TYPE_CHECKING:
    import pyarrow as pa
    from deltalake import DeltaTable


def write_file(delta: "DeltaTable", relative: str, schema: "pa.Schema", rows: "Iterable[pa.Table]") -> File:
    """Write a file below the folder of a table. It is none of the table's before a commit says so."""
    import pyarrow.parquet as pq

    store, root = locate(delta.table_uri)
    path = f"{root}/{relative}"
    store.create_dir(path.rpartition("/")[0], recursive=True)
    with store.open_output_stream(path) as stream, pq.ParquetWriter(stream, schema) as writer:
        for each in rows:
            writer.write_table(each)
    written = store.get_file_info(path)
    return File(path, relative, written.size, written.mtime_ns // 1_000_000)
