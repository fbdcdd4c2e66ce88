"""Patients in UCI's codes."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from assets.attributes import FEATURE_COLUMNS
from assets.bronze.patients import FIELDS
from assets.silver.patients import SILVER_PATIENTS, silver_patients

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, Row, SparkSession

FIRST = ("63", "male", "typical ang", "145", "233", "1", "left vent hypertrophy", "150", "0", "2.3", "downsloping")


@pytest.fixture(scope="module")
def patients(spark: "SparkSession") -> "Callable[..., list[Row]]":
    def typed(*rows: tuple[str | None, ...]) -> "list[Row]":
        fields = ", ".join(f"{name} string" for name in FIELDS)
        schema = f"{fields}, _source_file string, _source_row bigint, _batch_id string, _ingested_at timestamp"
        landed = [(*row, "data/heart_disease.tab", number, "batch-1", None) for number, row in enumerate(rows, start=4)]
        result: DataFrame = silver_patients(spark.createDataFrame(landed, schema))
        assert [(f.name, f.dataType.simpleString()) for f in result.schema.fields] == [
            (column.name, column.type) for column in SILVER_PATIENTS.columns
        ]
        return result.orderBy("_source_row").collect()

    return typed


def test_words_become_codes_and_units_stand_in_the_names(patients: "Callable[..., list[Row]]") -> None:
    [row] = patients((*FIRST, "0", "fixed defect", "0"))

    assert row["patient_id"] == "p-001"
    assert tuple(row[name] for name in FEATURE_COLUMNS) == (63, 1, 1, 145, 233, 1, 2, 150, 0, 2.3, 3, 0, 6)
    assert (row["is_sick"], row["_unreadable"]) == (0, None)


@pytest.mark.parametrize(("written", "is_sick"), [("0", 0), ("1", 1), ("4", 1)])
def test_a_class_above_0_is_sick(patients: "Callable[..., list[Row]]", written: str, is_sick: int) -> None:
    [row] = patients((*FIRST, "0", "normal", written))

    assert row["is_sick"] == is_sick


@pytest.mark.parametrize("missing", ["?", "", " ", None])
def test_what_is_missing_is_null_and_no_fault(patients: "Callable[..., list[Row]]", missing: str | None) -> None:
    [row] = patients((*FIRST, missing, missing, "1"))

    assert (row["major_vessels_count"], row["thal_code"], row["_unreadable"]) == (None, None, None)


def test_what_cannot_be_read_is_kept(patients: "Callable[..., list[Row]]") -> None:
    [row] = patients(("63.5", "man", *FIRST[2:], "0", "normal", "ill"))

    assert row["_unreadable"] == '{"age":"63.5","gender":"man","diameter_narrowing":"ill"}'
    assert (row["age_years"], row["sex_code"], row["is_sick"]) == (None, None, None)
