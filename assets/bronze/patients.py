"""The hospital's table, as the hospital wrote it."""

from typing import TYPE_CHECKING

from assets.attributes import ATTRIBUTES
from assets.source import SOURCE_COLUMNS, SOURCE_NAMES
from lakehouse import Append, Column, Lines, Table, table_asset

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

# Names, kinds and roles of the columns (data/README.md).
HEADER_LINES = 3
CLASS = "diameter_narrowing"
FIELDS = (*(attribute.hospital for attribute in ATTRIBUTES), CLASS)

BRONZE_PATIENTS = Table(
    "bronze.patients",
    grain="one row per patient's line in the hospital's file",
    columns=(
        *(Column(attribute.hospital, "string", f"As written: {attribute.comment}") for attribute in ATTRIBUTES),
        Column(CLASS, "string", "As written: the class, 0 healthy, above 0 sick"),
        *SOURCE_COLUMNS,
    ),
    write=Append(),
)


@table_asset(BRONZE_PATIENTS, reads={"lines": Lines("data/heart_disease.tab")})
def bronze_patients(lines: "DataFrame") -> "DataFrame":
    """Split the lines at their tabs; the three lines of the header are no patients and stay out.

    A line with too few fields has nulls at its end; what a line has beyond its fourteenth stays in the class, where it
    cannot be read as a number.
    """
    from pyspark.sql import functions as F

    fields = F.split("line", "\t", len(FIELDS))
    return lines.where(F.col("_source_row") > HEADER_LINES).select(
        *(F.get(fields, index).alias(name) for index, name in enumerate(FIELDS)), *SOURCE_NAMES
    )
