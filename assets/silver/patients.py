"""The hospital's patients in UCI's codes."""

from typing import TYPE_CHECKING

from assets.attributes import ATTRIBUTES, LABEL_COLUMN, MISSING, Attribute
from assets.bronze.patients import BRONZE_PATIENTS, CLASS, FIELDS, HEADER_LINES
from assets.parsing import number, unreadable
from assets.source import SOURCE_COLUMNS, SOURCE_NAMES
from lakehouse import Column, Merge, Table, table_asset

if TYPE_CHECKING:
    from pyspark.sql import Column as Expression
    from pyspark.sql import DataFrame

SILVER_PATIENTS = Table(
    "silver.patients",
    grain="one row per patient",
    columns=(
        Column("patient_id", "string", "p- and the place in the hospital's file, which has no id", nullable=False),
        *(Column(attribute.column, attribute.type, attribute.comment) for attribute in ATTRIBUTES),
        Column(LABEL_COLUMN, "int", "1 if the class is above 0 (narrowed coronary vessels), else 0", nullable=False),
        Column("_unreadable", "string", "JSON: texts that could not be read, by column; null in each published row"),
        *SOURCE_COLUMNS,
    ),
    write=Merge(on=("patient_id",), sequence=("_ingested_at", "_source_file")),
)


@table_asset(SILVER_PATIENTS, reads={"raw": BRONZE_PATIENTS.changes()})
def silver_patients(raw: "DataFrame") -> "DataFrame":
    """Put UCI's codes for the hospital's words, null for what is missing, and tell the sick from the healthy."""
    from pyspark.sql import functions as F

    place = F.lpad((F.col("_source_row") - HEADER_LINES).cast("string"), 3, "0")
    patient_id = F.concat(F.lit("p-"), place).alias("patient_id")
    # Three steps, so that the engine reads each value once.
    known = raw.select(patient_id, *(_known(name).alias(name) for name in FIELDS), *SOURCE_NAMES)
    values = {attribute.hospital: _value(attribute) for attribute in ATTRIBUTES} | {CLASS: number(F.col(CLASS), "int")}
    typed = known.withColumns({f"{name} read": value for name, value in values.items()})
    read = {name: F.col(f"`{name} read`") for name in FIELDS}
    return typed.select(
        "patient_id",
        *(read[attribute.hospital].alias(attribute.column) for attribute in ATTRIBUTES),
        (read[CLASS] > 0).cast("int").alias(LABEL_COLUMN),
        unreadable({name: (F.col(name), read[name]) for name in FIELDS}).alias("_unreadable"),
        *SOURCE_NAMES,
    )


def _known(name: str) -> "Expression":
    from pyspark.sql import functions as F

    text = F.trim(F.col(name))
    return F.when(~text.isin(*MISSING), text)


def _value(attribute: Attribute) -> "Expression":
    from pyspark.sql import functions as F

    text = F.col(attribute.hospital)
    if not attribute.codes:
        return number(text, attribute.type)
    codes = F.create_map(*(F.lit(part) for code in attribute.codes for part in code))
    return F.try_element_at(codes, text)
