"""Files of lines: each file is read once, each line keeps the file and the row that it came from."""

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lakehouse.declare.column import Column as TableColumn
from lakehouse.declare.sql_text import quote
from lakehouse.declare.table import quarantine_of, schema_of
from lakehouse.engine.largest_value import within_limit
from lakehouse.sources.long_lines import refuse_long_lines
from lakehouse.sources.source import ReadContext, SourceKind
from lakehouse.storage import File, list_files, no_pattern

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

# The columns that say how a row arrived.
SOURCE_COLUMNS = (
    TableColumn("_source_file", "string", "File that the row came from, relative to the project", nullable=False),
    TableColumn("_source_row", "bigint", "Row in that file, from 1", nullable=False),
    TableColumn("_batch_id", "string", "The run that read it", nullable=False),
    TableColumn("_ingested_at", "timestamp", "UTC time at which it was read", nullable=False),
)
# A replaced row takes the name of its file with it, and the file would be read again.
APPENDED = "a table that appends the rows of the files"


@dataclass(frozen=True)
class Lines:
    """New files that match a pattern, as lines of text. A file must not change after it has landed.

    The frame has `line` (string), `_source_file` (string, relative to the project), `_source_row` (bigint, from 1),
    `_batch_id` (string) and `_ingested_at` (timestamp, UTC). The table keeps `_source_file`: by it a later run knows
    which files were read.

    Args:
        pattern: Folder and file pattern relative to the project, such as `landing/readings/*.jsonl`.
    """

    pattern: str


def matching(pattern: str, context: ReadContext) -> list[File]:
    """The files that match a pattern, relative to the project."""
    from fnmatch import fnmatch

    folder, _, name = pattern.rpartition("/")
    root = folder if "://" in folder else str(context.workspace.settings.project / folder)
    return [file for file in list_files(root) if fnmatch(file.relative, name)]


def listed(files: list[File]) -> dict[str, Any]:
    """Files as a position: how many, and a digest of their names, sizes and times."""
    listing = "\n".join(f"{file.relative}\t{file.size}\t{file.modified_ms}" for file in files)
    return {"files": len(files), "listing": hashlib.sha256(listing.encode()).hexdigest()}


def _position_of_lines(source: Lines, context: ReadContext) -> dict[str, Any]:
    return listed(matching(source.pattern, context))


def ingested(context: ReadContext) -> set[str]:
    """The files that the reader's table and its quarantine hold rows of."""
    session = context.connect()
    names = (context.reader, quarantine_of(context.reader))
    tables = [name for name in names if context.tables.opened(name) is not None]
    answers = [session.sql(f"SELECT DISTINCT _source_file FROM {quote(name)}").collect() for name in tables]
    return {row[0] for rows in answers for row in rows}


def unread(pattern: str, context: ReadContext, since: Any) -> list[File]:
    """The files that the reader has no row of; all of them where it has read none. The context notes their names."""
    known = set() if since is None else ingested(context)
    folder = pattern.rpartition("/")[0]
    files = [file for file in matching(pattern, context) if f"{folder}/{file.relative}" not in known]
    context.files.extend(f"{folder}/{file.relative}" for file in files)
    return files


def source_file(pattern: str, files: list[File]) -> "Column":
    """The file of a row that was read from `files`, by its name relative to the project."""
    from pyspark.sql import functions as F

    # A path in `_metadata` is percent-encoded; url_decode alone would turn `+` into a space.
    path = F.url_decode(F.replace(F.col("_metadata.file_path"), F.lit("+"), F.lit("%2B")))
    root = files[0].path[: -len(files[0].relative)]
    return F.concat(F.lit(f"{pattern.rpartition('/')[0]}/"), F.substring_index(path, root, -1))


def _load_lines(source: Lines, context: ReadContext, since: Any, position: Any) -> "DataFrame":
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    session, files = context.connect(), unread(source.pattern, context, since)
    if not files:
        return session.createDataFrame([], f"line string, {schema_of(SOURCE_COLUMNS)}")
    refuse_long_lines(context, files)
    lines = session.read.text([no_pattern(file.path) for file in files]).select(
        F.expr(within_limit("value", "string", "line")).alias("line"),
        source_file(source.pattern, files).alias("_source_file"),
        F.col("_metadata.file_block_start").alias("block"),
        F.monotonically_increasing_id().alias("position"),
    )
    in_file_order = Window.partitionBy("_source_file").orderBy("block", "position")
    return lines.select(
        "line",
        "_source_file",
        F.row_number().over(in_file_order).cast("bigint").alias("_source_row"),
        F.lit(context.batch_id).alias("_batch_id"),
        F.current_timestamp().alias("_ingested_at"),
    )


LINES = SourceKind(
    _position_of_lines,
    _load_lines,
    is_incremental=True,
    can_reread=False,
    kept=("_source_file",),
    instead=APPENDED,
)
