"""A partition's digest: another one where its rows are others, the same across a compaction."""

from dataclasses import replace
from pathlib import Path

import pytest

from lakehouse.declare.column import Column
from lakehouse.declare.table import Table
from lakehouse.declare.write_modes import Append
from lakehouse.delta.history import open_table
from lakehouse.delta.partition_digests import partition_digests
from lakehouse.delta.tables import Tables
from lakehouse.maintenance import keep_up
from tests.library.door import Door
from tests.library.maintenance.limits import FEW

COLUMNS = (Column("day", "string", "A day, or what is called one"), Column("id", "bigint", "Key"))
DAYS = ("2026-01-01", "a b%20c/d")


@pytest.fixture
def table(door: Door) -> Table:
    declared = replace(
        door.table(Append(), COLUMNS),
        partitioned_by=("day",),
        properties=(("delta.enableDeletionVectors", "true"),),
    )
    put(door, declared)
    return declared


def put(door: Door, table: Table, batches: int = 4) -> None:
    for number in range(batches):
        rows = [(day, 10 * number + row) for day in DAYS for row in range(5)]
        door.write(table, door.spark.createDataFrame(rows, table.schema).coalesce(1))


def digests_of(door: Door, table: Table) -> dict[str, str]:
    delta = open_table(door.workspace, table.name)
    assert delta is not None
    return partition_digests(delta, "day", None)


def compact(door: Door, table: Table) -> None:
    before = door.spark.table(table.name).count()
    assert keep_up(Tables(door.workspace), door.spark, table.name, limits=FEW) == ()
    assert open_table(door.workspace, table.name).history(1)[0]["operation"] == "OPTIMIZE"
    assert door.spark.table(table.name).count() == before


def test_a_compaction_changes_no_partition_however_often(door: Door, table: Table):
    first = digests_of(door, table)
    compact(door, table)
    assert digests_of(door, table) == first

    put(door, table, batches=3)
    second = digests_of(door, table)
    assert all(second[day] != first[day] for day in DAYS)
    compact(door, table)
    assert digests_of(door, table) == second


def test_rows_deleted_in_place_change_their_partition_alone(door: Door, table: Table):
    first = digests_of(door, table)
    door.spark.sql(f"DELETE FROM {table.name} WHERE day = '{DAYS[0]}' AND id = 3")
    second = digests_of(door, table)
    door.spark.sql(f"DELETE FROM {table.name} WHERE day = '{DAYS[0]}' AND id = 4")
    third = digests_of(door, table)

    assert len({first[DAYS[0]], second[DAYS[0]], third[DAYS[0]]}) == 3
    assert first[DAYS[1]] == second[DAYS[1]] == third[DAYS[1]]
    compact(door, table)
    assert digests_of(door, table) == third


def test_after_a_compaction_a_deletion_is_seen(door: Door, table: Table):
    compact(door, table)
    first = digests_of(door, table)
    door.spark.sql(f"DELETE FROM {table.name} WHERE day = '{DAYS[1]}' AND id = 3")
    second = digests_of(door, table)

    assert (first[DAYS[0]], first[DAYS[1]] != second[DAYS[1]]) == (second[DAYS[0]], True)


def test_vectors_are_known_when_the_log_has_forgotten_their_commits(door: Door, table: Table):
    door.spark.sql(f"DELETE FROM {table.name} WHERE day = '{DAYS[0]}' AND id = 3")
    before = digests_of(door, table)
    delta = open_table(door.workspace, table.name)
    delta.create_checkpoint()
    for file in (Path(door.workspace.table_path(table.name)) / "_delta_log").glob("*.json"):
        if file.stem.isdecimal() and int(file.stem) < delta.version():
            file.unlink()

    assert digests_of(door, table) == before
