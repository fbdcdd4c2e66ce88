"""Partitioned assets in Dagster: exactly the run's partitions, a range as one job, and only what failed again."""

import json
import uuid
from dataclasses import replace
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from pyspark.sql import SparkSession

from lakehouse.dagster.table_asset import TableAsset, table_asset
from lakehouse.declare.column import Column
from lakehouse.declare.table import Table
from lakehouse.declare.write_modes import Append, ReplacePartitions
from lakehouse.delta.history import history, version_of
from lakehouse.delta.tables import Tables
from lakehouse.engine.session import CONNECTION, Connection
from lakehouse.workspace import Workspace
from lakehouse.write.batch import Batch
from lakehouse.write.door import write

# Dagster calls its backfill policies a beta.
pytestmark = pytest.mark.filterwarnings("ignore::dagster.BetaWarning")

DAYS = dg.StaticPartitionsDefinition(["2026-01-01", "2026-01-02", "2026-01-03"])
COLUMNS = (Column("day", "date", "UTC date"), Column("id", "bigint", "Key"), Column("value", "int", "A number"))
SMALL = {
    "type": "expect_column_values_to_be_between",
    "kwargs": {"column": "value", "min_value": 0, "max_value": 10},
    "severity": "critical",
}


class House:
    """A source, an asset that is made of it by days, and Dagster's memory of both."""

    def __init__(self, workspace: Workspace, spark: SparkSession, project: Path, monkeypatch: Any) -> None:
        self.workspace = Workspace(workspace.settings.model_copy(update={"project": project}))
        self.spark, self.instance = spark, dg.DagsterInstance.ephemeral()
        self.connection = Connection(self.workspace)
        self.connection._session = spark
        name = uuid.uuid4().hex[:10]
        self.source = Table(
            f"bronze.s_{name}", columns=COLUMNS, grain="x", write=ReplacePartitions(), partitioned_by=("day",)
        )
        self.target = Table(
            f"silver.d_{name}", columns=COLUMNS, grain="x", write=ReplacePartitions(), partitioned_by=("day",)
        )
        self.asked: list[Any] = []
        file = project / "expectations" / "silver" / f"d_{name}.json"
        file.parent.mkdir(parents=True)
        file.write_text(json.dumps({"name": self.target.name, "expectations": [SMALL], "meta": {}}))
        monkeypatch.setenv("LAKEHOUSE_PROJECT", str(project))

    def put(self, *rows: tuple[str, int, int]) -> None:
        frame = self.spark.createDataFrame(list(rows), "day string, id bigint, value int")
        frame = frame.withColumn("day", frame.day.cast("date"))
        write(Tables(self.workspace), self.spark, self.source, frame, Batch(uuid.uuid4().hex[:12], "b"))

    def asset(self) -> TableAsset:
        @table_asset(
            self.target,
            reads={"raw": self.source.by_partition()},
            partitions_def=DAYS,
            backfill_policy=dg.BackfillPolicy.single_run(),
        )
        def by_day(raw):
            return raw

        return by_day

    def make(self, first: str, last: str | None = None) -> dg.ExecuteInProcessResult:
        tags = {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last} if last else {}
        return dg.materialize(
            [self.asset().definition],
            instance=self.instance,
            resources={CONNECTION: self.connection},
            partition_key=None if last else first,
            tags=tags,
            raise_on_error=False,
        )

    def rows(self) -> list[tuple[str, int, int]]:
        return sorted(
            tuple(row) for row in self.spark.sql(f"SELECT string(day), id, value FROM {self.target.name}").collect()
        )


@pytest.fixture
def house(workspace: Workspace, spark: SparkSession, tmp_path: Path, monkeypatch: Any) -> House:
    return House(workspace, spark, tmp_path, monkeypatch)


def test_a_run_replaces_exactly_its_partition(house: House):
    house.put(("2026-01-01", 1, 1), ("2026-01-02", 2, 2))
    assert house.make("2026-01-01").success
    assert house.make("2026-01-02").success
    house.put(("2026-01-01", 1, 5), ("2026-01-02", 2, 6))

    assert house.make("2026-01-01").success

    assert house.rows() == [("2026-01-01", 1, 5), ("2026-01-02", 2, 2)]


def test_a_range_is_one_job_and_one_commit_and_its_checks_are_kept_by_partition(house: House):
    house.put(("2026-01-01", 1, 1), ("2026-01-02", 2, 2), ("2026-01-03", 3, 3))

    done = house.make("2026-01-01", "2026-01-03")

    assert done.success
    assert version_of(house.workspace, house.target.name) == 1
    assert len(house.rows()) == 3
    assert house.instance.get_materialized_partitions(house.asset().definition.key) == set(DAYS.get_partition_keys())
    evaluations = [evaluation for evaluation in done.get_asset_check_evaluations() if evaluation.partition]
    assert {evaluation.partition for evaluation in evaluations} == set(DAYS.get_partition_keys())
    assert all(evaluation.passed for evaluation in evaluations)
    kept = house.spark.sql(f"SELECT DISTINCT partition FROM ops.checks WHERE asset = '{house.target.name}'").collect()
    assert {row[0] for row in kept} == set(DAYS.get_partition_keys())


def test_a_backfill_over_live_data_makes_only_what_failed_again(house: House):
    house.put(("2026-01-01", 1, 1), ("2026-01-02", 2, 999), ("2026-01-03", 3, 3))

    failed = house.make("2026-01-01", "2026-01-03")

    assert not failed.success
    assert house.rows() == [("2026-01-01", 1, 1), ("2026-01-03", 3, 3)]
    passed = {
        evaluation.partition: evaluation.passed
        for evaluation in failed.get_asset_check_evaluations()
        if evaluation.partition
    }
    assert passed == {"2026-01-01": True, "2026-01-02": False, "2026-01-03": True}
    assert house.instance.get_materialized_partitions(house.asset().definition.key) == {"2026-01-01", "2026-01-03"}

    # The source goes on meanwhile, in another partition than those that are made.
    house.put(("2026-01-02", 2, 2), ("2026-01-09", 9, 9))
    again = house.make("2026-01-01", "2026-01-03")

    assert again.success
    assert house.rows() == [("2026-01-01", 1, 1), ("2026-01-02", 2, 2), ("2026-01-03", 3, 3)]
    assert history(house.workspace, house.target.name)[0].note.partitions == ("2026-01-02",)
    before = version_of(house.workspace, house.target.name)
    assert house.make("2026-01-01", "2026-01-03").success
    assert version_of(house.workspace, house.target.name) == before


def test_a_failing_partition_says_which_and_what_stays(house: House):
    house.put(("2026-01-01", 1, 1), ("2026-01-02", 2, 1_999_888_777))

    failed = [event for event in house.make("2026-01-01", "2026-01-02").all_events if event.is_step_failure]
    message = failed[0].event_specific_data.user_failure_data.description

    assert f"{house.target.name}: the partitions 2026-01-02 were not published and stay as they were" in message
    assert "the others are version 1." in message
    assert "2026-01-02: value" in message
    assert "1999888777" not in message


def test_a_run_of_the_whole_table_fills_its_partitions(house: House):
    house.put(("2026-01-01", 1, 1), ("2026-01-03", 3, 3), ("2026-02-01", 9, 9))
    key = house.asset().definition.key

    done = dg.materialize([house.asset().definition], instance=house.instance, resources={CONNECTION: house.connection})

    assert done.success
    assert house.rows() == [("2026-01-01", 1, 1), ("2026-01-03", 3, 3), ("2026-02-01", 9, 9)]
    # Dagster knows nothing of the day in February.
    assert house.instance.get_materialized_partitions(key) == {"2026-01-01", "2026-01-03"}


def test_a_function_is_told_the_partitions_of_its_run(house: House):
    """The source is not partitioned as the table is: the function takes the rows of its own days."""
    source = replace(house.source, name=f"{house.source.name}_w", write=Append(), partitioned_by=())
    write(
        Tables(house.workspace),
        house.spark,
        source,
        house.spark.sql(
            "SELECT DATE'2026-01-01' AS day, 1L AS id, 1 AS value UNION ALL SELECT DATE'2026-01-02', 2L, 2 "
            "UNION ALL SELECT DATE'2026-01-09', 9L, 9"
        ),
        Batch("first", "first"),
    )
    told: list[Any] = []

    @table_asset(
        house.target, reads={"raw": source}, partitions_def=DAYS, backfill_policy=dg.BackfillPolicy.single_run()
    )
    def by_day(raw, partitions):
        told.append(partitions)
        return raw if partitions is None else raw.where(raw.day.isin(*partitions))

    by_day.materialize(house.connection, partitions=["2026-01-01", "2026-01-02"])
    assert house.rows() == [("2026-01-01", 1, 1), ("2026-01-02", 2, 2)]
    by_day.materialize(house.connection, full=True)

    assert told == [("2026-01-01", "2026-01-02"), None]
    assert house.rows() == [("2026-01-01", 1, 1), ("2026-01-02", 2, 2), ("2026-01-09", 9, 9)]
