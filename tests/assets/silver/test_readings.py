"""Readings, typed, and each line of a simulation found guilty of exactly what the ledger says."""

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from assets.attributes import FEATURE_COLUMNS
from assets.bronze.readings import BRONZE_READINGS, bronze_readings
from assets.silver.readings import SILVER_READINGS, silver_readings
from assets.simulation.simulate import Simulation, simulate
from lakehouse.declare.table import Table
from lakehouse.workspace import Workspace
from lakehouse.write.table_rules import rules_of, suite_of

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, Row

ROOT = Path(__file__).parents[3]
READING = {
    **{"reading_id": "r-1", "wearer_id": "w-1", "read_at": "2026-01-01T00:00:01Z", "sent_at": "2026-01-01T00:00:02Z"},
    **{"age": 63, "sex": 1, "cp": 1, "trestbps": 145, "chol": 233, "fbs": 1, "restecg": 2, "thalach": 150},
    **{"exang": 0, "oldpeak": 2.3, "slope": 3, "ca": None, "thal": 6},
}


@pytest.fixture(scope="module")
def readings(lines: "Callable[..., DataFrame]") -> "Callable[..., list[Row]]":
    def typed(*changes: dict[str, Any]) -> "list[Row]":
        texts = (json.dumps(READING | change) for change in changes)
        result = silver_readings(bronze_readings(lines(*texts, file="landing/readings/a.jsonl")))
        assert [(f.name, f.dataType.simpleString()) for f in result.schema.fields] == [
            (column.name, column.type) for column in SILVER_READINGS.columns
        ]
        # As text, for a collected timestamp is in the machine's own zone.
        return result.withColumn("read_at", result["read_at"].cast("string")).orderBy("_source_row").collect()

    return typed


def test_a_reading_is_typed_and_keeps_where_it_came_from(readings: "Callable[..., list[Row]]") -> None:
    [row] = readings({})

    assert (row["reading_id"], row["wearer_id"]) == ("r-1", "w-1")
    assert tuple(row[name] for name in FEATURE_COLUMNS) == (63, 1, 1, 145, 233, 1, 2, 150, 0, 2.3, 3, None, 6)
    assert (row["_source_file"], row["_source_row"], row["_unreadable"]) == ("landing/readings/a.jsonl", 1, None)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("2026-01-01T01:00:00+02:00", "2025-12-31 23:00:00"),
        ("2026-01-01T00:00:00.123456Z", "2026-01-01 00:00:00.123456"),
        ("2026-01-01T00:00:00.5Z", "2026-01-01 00:00:00.5"),
        ("2026-01-01 00:00:00Z", None),
        ("2026-01-01T00:00:00", None),
        ("2026", None),
        ("2026-02-30T00:00:00Z", None),
    ],
)
def test_a_time_names_its_zone_and_is_utc(readings: "Callable[..., list[Row]]", written: str, read: str | None) -> None:
    [row] = readings({"read_at": written})

    assert (row["read_at"], row["_unreadable"]) == (
        read,
        None if read else json.dumps({"read_at": written}, separators=(",", ":")),
    )


def as_text(written: object) -> str:
    """What JSON says of a value, a text without its quotes."""
    return written if isinstance(written, str) else json.dumps(written)


@pytest.mark.parametrize(
    ("written", "read"),
    [(60.0, 60), ("60", 60), (60.5, None), ("sixty", None), (2**31, None), (True, None), ([60], None), ("", None)],
)
def test_a_number_that_is_no_whole_number_is_named_not_rounded(
    readings: "Callable[..., list[Row]]", written: object, read: int | None
) -> None:
    [row] = readings({"age": written})

    assert row["age_years"] == read
    assert (row["_unreadable"] is None) == (read is not None)
    assert read is not None or json.loads(row["_unreadable"]) == {"age": as_text(written)}


@pytest.mark.parametrize("missing", [None, "", " "])
def test_an_empty_id_is_none(readings: "Callable[..., list[Row]]", missing: str | None) -> None:
    [row] = readings({"reading_id": missing, "wearer_id": missing})

    assert (row["reading_id"], row["wearer_id"]) == (None, None)


def guilty(workspace: Workspace, table: Table, frame: "DataFrame") -> dict[tuple[str, int], list[str]]:
    """The broken rules, without their values, by file and row."""
    from pyspark.sql import functions as F

    project = Workspace(workspace.settings.model_copy(update={"project": ROOT}))
    rules = rules_of(table, suite_of(project, table)).rows
    broken = F.array_compact(F.array(*(F.when(F.expr(r.broken), F.lit(r.label)) for r in rules if r.quarantines)))
    rows = frame.select("_source_file", "_source_row", broken.alias("broken")).where("size(broken) > 0").collect()
    return {(row[0], row[1]): sorted(label.partition("(")[0].strip() for label in row[2]) for row in rows}


@pytest.fixture(scope="module")
def simulation() -> Simulation:
    return simulate(rows=2000, seed=7)


def test_each_line_of_a_simulation_breaks_exactly_the_rules_that_the_ledger_says(
    workspace: Workspace, spark: Any, simulation: Simulation
) -> None:
    landed = spark.createDataFrame(
        [(line.text, line.file, line.row, "batch-1", datetime(2026, 1, 10)) for line in simulation.lines],
        "line string, _source_file string, _source_row bigint, _batch_id string, _ingested_at timestamp",
    )
    bronze = bronze_readings(landed)

    broken = guilty(workspace, BRONZE_READINGS, bronze) | guilty(
        workspace, SILVER_READINGS, silver_readings(bronze.where("is_json"))
    )

    assert broken == {(line.file, line.row): sorted(line.rules) for line in simulation.ledger if line.rules}
