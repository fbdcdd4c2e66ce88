"""Decisions that were saved in the form of version 1 and never carried out: the next run carries them out."""

import json
from pathlib import Path
from typing import Any

import pytest

from lakehouse.answers.row_accounts import Accounts, accounts
from lakehouse.declare.column import Column
from lakehouse.declare.table import Table, quarantine_of
from lakehouse.declare.write_modes import Append, Merge, ReplacePartitions, Scd2
from lakehouse.delta.history import history
from lakehouse.delta.tables import Tables
from lakehouse.runs.replay import fix
from lakehouse.schema.create import ROW_ID, ensure
from lakehouse.write import quarantine
from lakehouse.write.door import recover
from lakehouse.write.stage import stage
from lakehouse.write.table_rules import rules_of, suite_of
from tests.library.door import COLUMNS, Door, only

GOLDEN = Path(__file__).parent / "golden"
BETWEEN = {
    "type": "expect_column_values_to_be_between",
    "kwargs": {"column": "value", "max_value": 10, "mostly": 0.1},
    "severity": "critical",
    "meta": {},
}


def decided(door: Door, table: Table, name: str, frame: Any, *carried: Column) -> None:
    """What a run leaves that is cut off after its decision: the staged files, and the decision as it was saved."""
    values = json.loads((GOLDEN / f"intent_1_{name}.json").read_text())
    rules = rules_of(table, suite_of(door.workspace, table))
    root = door.workspace.table_path(table.name)
    stage(table, frame, rules.rows, root=root, run=values["note"]["run"], carried=carried)
    text = json.dumps(values).replace(values["staged"]["root"], root).replace(values["table"], table.name)
    file = Path(door.workspace.warehouse) / "_intents" / f"{table.name}.json"
    file.parent.mkdir(exist_ok=True)
    file.write_text(text)


def empty(door: Door, mode: Any = None, columns: tuple[Column, ...] = COLUMNS, **more: Any) -> Table:
    table = Table(door.table().name, columns=columns, grain="x", write=mode or Append(), **more)
    door.suite(table, BETWEEN)
    ensure(Tables(door.workspace), door.spark, table)
    return table


def test_rows_are_appended_and_quarantined_and_a_replay_of_them_is_settled(door: Door, at: Any):
    table = empty(door)
    decided(door, table, "append", door.rows((1, "a", 1, at(1)), (2, "b", 200, at(1)), (3, "c", 3, at(1))))

    done = recover(Tables(door.workspace), door.spark, table)

    assert (done.published, done.quarantined, done.rows_in) == (2, 1, 3)
    assert door.read(table.name) == [(1, "a", 1), (3, "c", 3)]
    assert door.read(quarantine_of(table.name)) == [(2, "b", 200)]
    assert accounts(door.workspace, table.name) == Accounts(table.name, 3, 2, 0, 1, 0)

    fix(door.connection, table, {"value": "2"})
    waiting = door.spark.table(quarantine_of(table.name)).select(*table.brought_names, ROW_ID.name)
    decided(door, table, "replay", waiting, ROW_ID)

    replayed = recover(Tables(door.workspace), door.spark, table)

    assert (replayed.published, replayed.quarantined) == (1, 0)
    assert door.read(table.name) == [(1, "a", 1), (2, "b", 2), (3, "c", 3)]
    assert quarantine.counts(door.workspace, table.name) == only(replayed=1)


def test_a_rebuild_takes_the_place_of_all_that_is_there(door: Door, at: Any):
    table = empty(door)
    door.write(table, door.rows((1, "old", 1, at(1))))
    rows = ((1, "a", 1), (2, "b", 200), (3, "c", 3), (5, "e", 5), (6, "f", 600), (7, "g", 7))
    decided(door, table, "rebuild", door.rows(*((*row, at(1)) for row in rows)))

    done = recover(Tables(door.workspace), door.spark, table)

    assert (done.published, done.quarantined) == (4, 2)
    assert door.read(table.name) == [(1, "a", 1), (3, "c", 3), (5, "e", 5), (7, "g", 7)]


def test_partitions_are_replaced_each_by_its_rows(door: Door):
    columns = (*COLUMNS, Column("day", "string", "UTC date"))
    table = empty(door, ReplacePartitions(), columns, partitioned_by=("day",))
    rows = ((1, "a", 1, None, "2026-01-01"), (2, "b", 200, None, "2026-01-01"), (3, "c", 3, None, "2026-01-02"))
    decided(door, table, "partitions", door.rows(*rows, table=table))

    done = recover(Tables(door.workspace), door.spark, table)

    assert (done.published, done.quarantined) == (2, 1)
    assert set(done.checks_by_partition) == {"2026-01-01", "2026-01-02", "2026-01-03"}
    assert door.read(table.name) == [(1, "a", 1), (3, "c", 3)]
    assert history(door.workspace, table.name)[0].note.partitions == ("2026-01-01", "2026-01-02", "2026-01-03")


@pytest.mark.parametrize(
    ("name", "mode", "expected"),
    [
        ("merge_deletes", Merge(on=("id",), sequence=("sent_at",), delete_when="name = 'gone'"), [(3, "C", 4)]),
        ("scd2", Scd2(on=("id",), sequence=("sent_at",)), [(1, "a", 1), (1, "gone", 1), (3, "C", 4), (3, "c", 3)]),
    ],
    ids=["merge", "scd2"],
)
def test_changes_are_merged(door: Door, at: Any, name: str, mode: Any, expected: list[Any]):
    table = empty(door, mode)
    changes = [(1, "gone", 1, at(2)), (3, "C", 4, at(2))]
    before = [(1, "a", 1, at(1)), (3, "c", 3, at(1))]
    if name == "merge_deletes":
        door.write(table, door.rows(*before))
        decided(door, table, name, door.rows(*changes))
    else:
        decided(door, table, name, door.rows(*before, *changes, (2, "b", 200, at(1))))

    recover(Tables(door.workspace), door.spark, table)

    assert door.read(table.name) == expected
