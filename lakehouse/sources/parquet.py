"""Parquet files: each is read once, each row keeps the file and the row that it came from."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lakehouse.declare.names import OF_FILES
from lakehouse.declare.table import schema_of
from lakehouse.errors import DeclarationError
from lakehouse.sources.files import APPENDED, SOURCE_COLUMNS, listed, matching, source_file, unread
from lakehouse.sources.source import ReadContext, SourceKind
from lakehouse.storage import no_pattern

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


@dataclass(frozen=True)
class ParquetFiles:
    """New Parquet files that match a pattern. A file must not change after it has landed.

    The frame has the columns of `schema`, then `_source_file` (string, relative to the project), `_source_row` (bigint,
    from 1), `_batch_id` (string) and `_ingested_at` (timestamp, UTC). The table keeps `_source_file`: by it a later
    run knows which files were read.

    Args:
        pattern: Folder and file pattern relative to the project, such as `landing/orders/*.parquet`.
        schema: DDL of the columns that are read, by the names that they have in the files; none of them is one of the
            four, nor `_metadata`.
    """

    pattern: str
    schema: str


def _position_of_parquet_files(source: ParquetFiles, context: ReadContext) -> dict[str, Any]:
    return listed(matching(source.pattern, context))


def _load_parquet_files(source: ParquetFiles, context: ReadContext, since: Any, position: Any) -> "DataFrame":
    from pyspark.sql import functions as F

    session, files = context.connect(), unread(source.pattern, context, since)
    _check_names(source, session.createDataFrame([], source.schema).columns)
    if not files:
        return session.createDataFrame([], f"{source.schema}, {schema_of(SOURCE_COLUMNS)}")
    rows = session.read.schema(source.schema).parquet(*(no_pattern(file.path) for file in files))
    return rows.select(
        "*",
        source_file(source.pattern, files).alias("_source_file"),
        (F.col("_metadata.row_index") + 1).alias("_source_row"),
        F.lit(context.batch_id).alias("_batch_id"),
        F.current_timestamp().alias("_ingested_at"),
    )


def _check_names(source: ParquetFiles, names: list[str]) -> None:
    """The frame has each name once, and what Spark says of a file (`_metadata`) is not hidden by a column."""
    taken = [name for name in names if name.lower() in (*OF_FILES, "_metadata")]
    if taken:
        raise DeclarationError(
            f"ParquetFiles of {source.pattern}: its schema names `{taken[0]}`, which says here how a row arrived. "
            f"Leave it out of the schema. Nothing was read, and the table is as it was."
        )


PARQUET_FILES = SourceKind(
    _position_of_parquet_files,
    _load_parquet_files,
    is_incremental=True,
    can_reread=False,
    kept=("_source_file",),
    instead=APPENDED,
)
