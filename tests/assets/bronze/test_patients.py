"""The hospital's file, split at its tabs."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from assets.bronze.patients import BRONZE_PATIENTS, CLASS, bronze_patients

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

HEADER = ("age\tgender", "c\td", "\t")
FIRST = "63\tmale\ttypical ang\t145\t233\t1\tleft vent hypertrophy\t150\t0\t2.3\tdownsloping\t0\tfixed defect\t0"


def test_the_header_is_no_patient_and_a_patient_is_as_written(lines: "Callable[..., DataFrame]") -> None:
    landed = lines(*HEADER, FIRST, file="data/heart_disease.tab")

    result = bronze_patients(landed)

    [row] = result.collect()
    assert "\t".join(row[:14]) == FIRST
    assert (row["_source_file"], row["_source_row"]) == ("data/heart_disease.tab", 4)
    assert result.columns == list(BRONZE_PATIENTS.column_names)


def test_a_short_line_has_nulls_at_its_end_and_a_long_one_loses_nothing(lines: "Callable[..., DataFrame]") -> None:
    landed = lines(*HEADER, "63\tmale", FIRST + "\tmore", file="data/heart_disease.tab")

    short, long = bronze_patients(landed).orderBy("_source_row").collect()

    assert (short["age"], short["gender"], short["chest_pain"], short[CLASS]) == ("63", "male", None, None)
    assert long[CLASS] == "0\tmore"
