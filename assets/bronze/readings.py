"""Readings of the bracelets, line by line, as they landed."""

from typing import TYPE_CHECKING

from assets.source import SOURCE_COLUMNS
from lakehouse import Append, Column, Lines, Table, table_asset

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

BRONZE_READINGS = Table(
    "bronze.readings",
    grain="one row per line of a landing file",
    columns=(
        Column("line", "string", "The line as it came", tags=("pii",)),
        Column("is_json", "boolean", "Whether the line is one JSON object and nothing else"),
        *SOURCE_COLUMNS,
    ),
    write=Append(),
)


@table_asset(BRONZE_READINGS, reads={"lines": Lines("landing/readings/*.jsonl")})
def bronze_readings(lines: "DataFrame") -> "DataFrame":
    """Mark the lines that are one JSON object; the suite sends the others to quarantine."""
    from pyspark.sql import functions as F

    # try_parse_json stops after the first value of a line; in brackets, what follows it counts.
    parsed = F.try_parse_json(F.concat(F.lit("["), "line", F.lit("]")))
    is_object = F.schema_of_variant(parsed).startswith("ARRAY<OBJECT")
    is_alone = F.try_variant_get(parsed, "$[1]", "string").isNull()
    return lines.select(
        "line",
        F.coalesce(is_object & is_alone, F.lit(False)).alias("is_json"),
        "_source_file",
        "_source_row",
        "_batch_id",
        "_ingested_at",
    )
