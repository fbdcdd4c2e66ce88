"""The readings of the bracelets, typed."""

from typing import TYPE_CHECKING

from assets.attributes import ATTRIBUTES
from assets.bronze.readings import BRONZE_READINGS
from assets.parsing import number, time, unreadable
from assets.source import SOURCE_COLUMNS, SOURCE_NAMES
from lakehouse import Column, Merge, Table, table_asset

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

IDS = ("reading_id", "wearer_id")
TIMES = ("read_at", "sent_at")

SILVER_READINGS = Table(
    "silver.readings",
    grain="one row per reading, its latest correction",
    columns=(
        Column("reading_id", "string", "Given by the bracelet; a correction keeps it", nullable=False),
        Column("wearer_id", "string", "Who wears the bracelet", nullable=False, tags=("pii",)),
        Column("read_at", "timestamp", "UTC time of the measurement, by the bracelet's clock", nullable=False),
        Column("sent_at", "timestamp", "UTC time at which this reading or correction was sent", nullable=False),
        *(Column(attribute.column, attribute.type, attribute.comment) for attribute in ATTRIBUTES),
        Column("_unreadable", "string", "JSON: texts that could not be read, by key; null in each published row"),
        *SOURCE_COLUMNS,
    ),
    # Of two that were sent at once, the one that arrived last wins, so that the order is total.
    write=Merge(on=("reading_id",), sequence=("sent_at", "_source_file", "_source_row")),
)


@table_asset(SILVER_READINGS, reads={"raw": BRONZE_READINGS.changes()})
def silver_readings(raw: "DataFrame") -> "DataFrame":
    """Read ids, times and attributes from each line; the merge keeps the latest of each reading."""
    from pyspark.sql import functions as F

    keys = (*IDS, *TIMES, *(attribute.uci for attribute in ATTRIBUTES))
    texts = {key: F.col(f"reading.{key}") for key in keys}
    names = {key: key for key in TIMES} | {attribute.uci: attribute.column for attribute in ATTRIBUTES}
    # Three steps, so that the engine reads each value once.
    parsed = raw.select(F.from_json("line", ", ".join(f"{key} string" for key in keys)).alias("reading"), *SOURCE_NAMES)
    typed = parsed.select(
        *(F.nullif(F.trim(texts[key]), F.lit("")).alias(key) for key in IDS),
        *(time(texts[key]).alias(key) for key in TIMES),
        *(number(texts[attribute.uci], attribute.type).alias(attribute.column) for attribute in ATTRIBUTES),
        "reading",
        *SOURCE_NAMES,
    )
    return typed.select(
        *IDS,
        *names.values(),
        unreadable({key: (texts[key], F.col(name)) for key, name in names.items()}).alias("_unreadable"),
        *SOURCE_NAMES,
    )
