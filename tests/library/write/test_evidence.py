"""A refused batch leaves what it was refused for: its rejected rows, and those that a failed rule on all is about."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lakehouse.answers.row_accounts import accounts
from lakehouse.cli.docs import docs_quality
from lakehouse.cli.quarantine import show
from lakehouse.declare.table import Table, quarantine_of
from lakehouse.declare.write_modes import Merge, ReplacePartitions, Scd2
from lakehouse.delta.history import version_of
from lakehouse.delta.tables import Tables
from lakehouse.errors import AuditFailedError
from lakehouse.quality.evidence import LIMIT
from lakehouse.write import quarantine
from lakehouse.write.batch import Batch
from lakehouse.write.door import write
from lakehouse.write.intent import open_intent
from lakehouse.write.run_kind import ForPartitions
from tests.library.door import Door

UNIQUE = {"type": "expect_column_values_to_be_unique", "kwargs": {"column": "name"}, "severity": "critical"}
IN_SET = {
    "type": "expect_column_distinct_values_to_be_in_set",
    "kwargs": {"column": "name", "value_set": ["a", "b"]},
    "severity": "critical",
}
COUNT = {"type": "expect_table_row_count_to_be_between", "kwargs": {"min_value": 9}, "severity": "critical"}
BETWEEN = {
    "type": "expect_column_values_to_be_between",
    "kwargs": {"column": "value", "max_value": 10, "mostly": 0.9},
    "severity": "critical",
}


def kept(door: Door, table: Table) -> dict[int, list[str]]:
    rows = door.spark.table(quarantine_of(table.name)).select("id", "_broken_rules", "_state").collect()
    assert {row["_state"] for row in rows} == {"withheld"}
    return {row["id"]: row["_broken_rules"] for row in rows}


def refused(door: Door, table: Table, *rows: tuple[Any, ...]) -> str:
    with pytest.raises(AuditFailedError) as error:
        door.write(table, door.rows(*rows))
    return str(error.value)


def test_the_rows_whose_key_is_there_twice_are_kept_and_gone_with_the_next_publish(door: Door):
    table = door.table()
    door.suite(table, UNIQUE)

    said = refused(door, table, (1, "a", 1, None), (2, "b", 2, None), (3, "a", 3, None))

    assert f"`lakehouse quarantine show {table.name}`" in said
    assert kept(door, table) == {1: ["name: values_unique"], 3: ["name: values_unique"]}
    assert accounts(door.workspace, table.name).add_up
    assert door.write(table, door.rows((1, "a", 1, None), (2, "b", 2, None))).published == 2
    assert sum(quarantine.counts(door.workspace, table.name).values()) == 0


@pytest.mark.parametrize(
    ("mode", "new"), [(None, 1), (Merge(on=("id",)), 3), (Scd2(on=("id",), sequence=("sent_at",)), 3)]
)
def test_the_rows_whose_key_the_table_has_already_are_kept(door: Door, at: Any, mode: Any, new: int):
    table = door.table(mode)
    door.suite(table, UNIQUE | {"meta": {"scope": "table"}})
    door.write(table, door.rows((1, "a", 1, at(1)), (2, "b", 2, at(1))))

    refused(door, table, (new, "a", 3, at(2)), (4, "c", 4, at(2)), (5, "d", 5, at(2)), (6, "d", 6, at(2)))

    twice = ["name: values_unique"]
    assert kept(door, table) == {new: twice, 5: twice, 6: twice}


@pytest.mark.parametrize("mode", [None, Merge(on=("id",))], ids=["batch", "table"])
def test_the_values_outside_of_a_set_are_kept_with_the_words_of_the_rule(door: Door, mode: Any):
    table = door.table(mode)
    door.suite(table, IN_SET | {"description": "only a and b are cities"})

    said = refused(door, table, (1, "a", 1, None), (2, "elsewhere", 2, None))

    assert "only a and b are cities  expected to hold" in said
    assert "elsewhere" not in said
    assert kept(door, table) == {2: ["only a and b are cities"]}


def test_the_rows_that_stop_a_batch_by_their_share_are_kept(door: Door):
    table = door.table()
    door.suite(table, BETWEEN, COUNT)

    said = refused(door, table, *((number, "a", 10 * number, None) for number in range(4)))

    assert "value: values_between(,10)" in said
    assert kept(door, table) == {2: ["value: values_between(,10)"], 3: ["value: values_between(,10)"]}


def test_a_rule_that_is_about_no_row_keeps_none(door: Door):
    table = door.table()
    door.suite(table, COUNT)
    said = refused(door, table, (1, "a", 1, None))
    assert "quarantine" not in said
    assert sum(quarantine.counts(door.workspace, table.name).values()) == 0


def test_of_many_rows_so_many_are_kept(door: Door):
    table = door.table()
    door.suite(table, UNIQUE)
    refused(door, table, *((number, "a", 1, None) for number in range(3 * LIMIT)))
    assert len(kept(door, table)) == LIMIT


WARNS = {"severity": "warning", "description": "names are keys"}


def warned(door: Door, table: Table) -> dict[int, list[str]]:
    sql = f"SELECT id, _broken_rules FROM {quarantine_of(table.name)} WHERE _state = 'warned'"
    return {row["id"]: row["_broken_rules"] for row in door.spark.sql(sql).collect()}


def test_a_failed_warning_keeps_its_rows_until_a_publish_passes_it(door: Door):
    table = door.table()
    door.suite(table, UNIQUE | WARNS, IN_SET | {"severity": "warning"})

    done = door.write(table, door.rows((1, "a", 1, None), (2, "elsewhere", 2, None), (3, "a", 3, None)))

    assert done.published == 3
    assert f"`lakehouse quarantine show {table.name}` has rows" in done.messages[0]
    assert not any("elsewhere" in said for said in (*done.messages, *done.warnings))
    keys, values = ["names are keys"], ['name: distinct_values_in_set(["a", "b"])']
    assert warned(door, table) == {1: keys, 2: values, 3: keys}
    assert accounts(door.workspace, table.name).add_up

    # A newer failure stands in place of the older, one that is not judged leaves it, and what passes clears it.
    door.write(table, door.rows((4, "b", 1, None), (5, "b", 1, None)))
    assert warned(door, table) == {4: keys, 5: keys}
    assert door.write(table, door.rows()).warnings
    assert warned(door, table) == {4: keys, 5: keys}
    assert door.write(table, door.rows((6, "a", 1, None))).messages == ()
    assert warned(door, table) == {}


def test_a_warning_on_the_table_keeps_the_rows_that_were_there_as_well(door: Door, at: Any):
    table = door.table(Merge(on=("id",)))
    door.suite(table, UNIQUE | WARNS)
    door.write(table, door.rows((1, "a", 1, at(1)), (2, "b", 2, at(1))))
    assert version_of(door.workspace, quarantine_of(table.name)) is None

    door.write(table, door.rows((3, "a", 3, at(2)), (4, "c", 4, at(2))))

    assert warned(door, table) == {1: ["names are keys"], 3: ["names are keys"]}


def test_partitions_are_warned_of_each_by_itself(door: Door):
    table = replace(door.table(), write=ReplacePartitions(), partitioned_by=("value",))
    door.suite(table, UNIQUE | WARNS)
    in_two = door.rows((1, "a", 1, None), (2, "a", 1, None), (3, "a", 2, None), (4, "b", 3, None), (5, "b", 3, None))
    kind = ForPartitions({"1": {}, "2": {}, "3": {}})
    batch = Batch(table.entity, "batch", kind=kind)

    write(Tables(door.workspace), door.spark, table, in_two, batch)

    keys = ["names are keys"]
    assert warned(door, table) == {1: keys, 2: keys, 4: keys, 5: keys}
    again = replace(batch, run_id=f"{table.entity}2", kind=ForPartitions({"1": {}}))
    write(Tables(door.workspace), door.spark, table, door.rows((1, "a", 1, None)), again)
    assert warned(door, table) == {4: keys, 5: keys}


def test_rows_that_a_warning_is_about_and_cannot_be_kept_stop_no_publish(door: Door):
    table = door.table()
    door.suite(table, UNIQUE | WARNS)
    # A folder that is no table stands where the quarantine would be made.
    place = Path(door.workspace.table_path(quarantine_of(table.name)).removeprefix("file://"))
    place.mkdir(parents=True)
    (place / "other.txt").write_text("of somebody else")

    done = door.write(table, door.rows((1, "a", 1, None), (2, "a", 2, None)))

    assert done.published == 2
    assert "were not kept (AnalysisException)" in done.messages[0]
    assert open_intent(door.workspace, table.name) is None
    assert door.write(table, door.rows((3, "b", 1, None))).published == 1


def test_the_command_and_the_data_docs_show_the_rows_for_which_a_batch_was_refused_and_warned_of(
    door: Door, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("lakehouse.workspace.current_workspace", lambda: door.workspace)
    table = door.table()
    door.suite(table, IN_SET | {"severity": "warning"}, UNIQUE)
    door.write(table, door.rows((1, "elsewhere", 1, None)))
    refused(door, table, (2, "twice-there", 1, None), (3, "twice-there", 1, None))

    show(table.name, where="true", limit=20, every=False, as_json=True)

    told = [(row["id"], row["_state"]) for row in json.loads(capsys.readouterr().out)]
    assert sorted(told) == [(1, "warned"), (2, "withheld"), (3, "withheld")]
    pages = [page.read_text() for page in docs_quality(door.workspace).parent.joinpath("validations").rglob("*.html")]
    assert sorted(("elsewhere" in page, "twice-there" in page) for page in pages) == [(False, True), (True, False)]
