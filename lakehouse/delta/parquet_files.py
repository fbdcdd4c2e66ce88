"""Parquet files of a table that no server reads or writes."""

from collections.abc import Iterable, Iterator, Sequence
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
        for table in rows:
            writer.write_table(table)
    written = store.get_file_info(path)
    return File(path, relative, written.size, written.mtime_ns // 1_000_000)


def read_file(root: str, path: str, columns: Sequence[str] | None = None) -> "Iterator[pa.Table]":
    """The rows of a file of the table at `root`, some at a time; of all columns where none are named."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    store, _ = locate(root)
    with store.open_input_file(path) as stream:
        # Arrow reads a timestamp of 96 bits as nanoseconds otherwise, which end in 2262.
        parquet = pq.ParquetFile(stream, coerce_int96_timestamp_unit="us")
        for batch in parquet.iter_batches(columns=None if columns is None else list(columns)):
            yield pa.Table.from_batches([batch])


def rows_of_whole(file: File) -> int:
    """How many rows a file has, of which each page was read; 0 if a part of it is damaged.

    Which part Arrow meets first, and so what it says, is another one each time: its columns are read side by side.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    store, _ = locate(file.path)
    with store.open_input_file(file.path) as stream:
        try:
            parquet = pq.ParquetFile(stream, coerce_int96_timestamp_unit="us")
            return sum(batch.num_rows for batch in parquet.iter_batches())
        except (pa.ArrowException, OSError):
            return 0


def read_table(delta: "DeltaTable", columns: Sequence[str]) -> "pa.Table":
    """Columns of all rows of a table, read by Arrow's own file system.

    Without one, delta-rs gives Arrow a file system that calls Python: Arrow's threads close its files after the rows
    are there, and the process is aborted if the interpreter ends at that moment
    (https://github.com/apache/arrow/issues/33975, https://github.com/delta-io/delta-rs/issues/2184).
    """
    from pyarrow.fs import SubTreeFileSystem

    store, root = locate(delta.table_uri)
    return delta.to_pyarrow_table(columns=list(columns), filesystem=SubTreeFileSystem(root, store))
