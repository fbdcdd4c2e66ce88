"""Where a row came from: columns that bronze adds and silver keeps, so that a row in quarantine can be traced."""

from lakehouse import Column

SOURCE_COLUMNS = (
    Column("_source_file", "string", "File that the row came from, relative to the project", nullable=False),
    Column("_source_row", "bigint", "Line in that file, from 1", nullable=False),
    Column("_batch_id", "string", "The run that read it", nullable=False),
    Column("_ingested_at", "timestamp", "UTC time at which it was read", nullable=False),
)
SOURCE_NAMES = tuple(column.name for column in SOURCE_COLUMNS)
