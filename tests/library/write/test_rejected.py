"""Bad rows become files of the quarantine without Spark: nothing of a row is lost, and Spark reads them."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from lakehouse.declare.column import Column
from lakehouse.declare.table import quarantine_of
from lakehouse.declare.write_modes import Append, Overwrite
from lakehouse.delta.history import history, open_table
from lakehouse.schema.create import quarantine_table
from lakehouse.write.quarantine_by_reference import is_possible
from tests.library.door import Door

MANY = {
    "flag": ("boolean", True),
    "tiny": ("tinyint", -3),
    "small": ("smallint", -300),
    "number": ("int", 7),
    "large": ("bigint", 1 << 60),
    "single": ("float", 0.5),
    "half": ("double", float("inf")),
    "price": ("decimal(15,2)", Decimal("-12.30")),
    "wide": ("decimal(38,6)", Decimal("12345678901234567890.123456")),
    "word": ("string", "smørrebrød 🥪"),
    "raw": ("binary", bytearray(b"\x00\xff")),
    "day": ("date", date(1899, 12, 31)),
    "at": ("timestamp", datetime(2026, 1, 2, 3, 4, 5, 678901)),
    "local": ("timestamp_ntz", datetime(2026, 1, 2, 3, 4, 5, 678901)),
    "listed": ("array<int>", [1, None, 3]),
    "named": ("map<string,array<double>>", {"a": [1.0], "b": []}),
    "nested": ("struct<a:int,b:struct<c:string,d:array<date>>>", {"a": 1, "b": {"c": "x", "d": [date(2026, 1, 1)]}}),
}


def engines(door: Door, name: str) -> list[str]:
    return [commit.engine for commit in history(door.workspace, name)]


def test_a_rejected_row_has_the_values_that_it_came_with_whatever_their_types(door: Door):
    columns = (Column("id", "bigint", "Key", nullable=False), *(Column(n, t, "One") for n, (t, _) in MANY.items()))
    table = door.table(Append(), columns)
    values = tuple(value for _, value in MANY.values())
    empty = (None,) * len(values)
    frame = door.spark.createDataFrame([(None, *values), (1, *values), (None, *empty)], table.schema)
    done = door.write(table, frame, run="first")
    assert (done.quarantined, done.published) == (2, 1)
    names = list(MANY)
    good = door.spark.table(table.name).select(names).collect()
    bad = door.spark.table(quarantine_of(table.name)).orderBy("flag").select(names).collect()
    assert [tuple(row) for row in bad] == [empty, tuple(good[0])]
    said = door.spark.table(quarantine_of(table.name)).select("_state", "_broken_rules", "_run_id", "_fixes").collect()
    assert [tuple(row) for row in said] == [("waiting", ["id: not_null (declared)"], "first", [])] * 2
    assert engines(door, quarantine_of(table.name))[0].startswith("lakehouse/")


def test_each_row_has_its_own_name_and_its_own_broken_rules(door: Door):
    table = door.table(Append())
    door.suite(
        table,
        {
            "type": "expect_column_values_to_be_between",
            "kwargs": {"column": "value", "min_value": 0, "mostly": 0.1},
            "severity": "critical",
        },
    )
    rows = [(n or None, "n", -1 if n % 2 else 1, None) for n in (0, 1, 2, 3)]
    door.write(table, door.rows(*rows, (None, "n", -1, None)))
    rejected = door.spark.table(quarantine_of(table.name)).select("_row_id", "id", "value", "_broken_rules").collect()
    assert len({row["_row_id"] for row in rejected}) == 4
    assert {(row["id"], row["value"]): len(row["_broken_rules"]) for row in rejected} == {
        (None, 1): 1, (1, -1): 1, (3, -1): 1, (None, -1): 2,
    }  # fmt: skip


def test_rows_that_wait_are_discarded_by_the_overwrite_that_stands_for_them_in_its_one_commit(door: Door):
    table = door.table(Overwrite())
    name = quarantine_of(table.name)
    door.write(table, door.rows((1, "a", 1, None), (None, "b", 2, None)))
    door.write(table, door.rows((1, "a", 1, None), (None, "c", 3, None)), run="second")
    before = open_table(door.workspace, name).version()
    door.write(table, door.rows((1, "a", 1, None)), run="third")
    states = door.spark.table(name).select("name", "_state", "_state_why").collect()
    assert sorted(tuple(row) for row in states) == [
        ("b", "discarded", "came again in run second"),
        ("c", "discarded", "came again in run third"),
    ]
    assert open_table(door.workspace, name).version() == before + 1
    changed = door.spark.sql(f"SELECT name, _state, _change_type FROM table_changes('{name}', {before + 1})").collect()
    assert sorted(tuple(row) for row in changed) == [("c", "discarded", "insert"), ("c", "waiting", "delete")]


@pytest.mark.parametrize("change", ["ALTER TABLE {} ALTER COLUMN value TYPE bigint", "vectors"])
def test_where_files_would_not_be_read_as_they_are_spark_writes_the_rows(door: Door, change: str):
    table = door.table(Append())
    name = quarantine_of(table.name)
    door.write(table, door.rows((None, "b", 2, None)))
    target = quarantine_table(table)
    assert is_possible(open_table(door.workspace, name), target)
    properties = {"vectors": "'delta.enableDeletionVectors' = 'true'"}.get(
        change, "'delta.enableTypeWidening' = 'true'"
    )
    door.spark.sql(f"ALTER TABLE {name} SET TBLPROPERTIES ({properties})")
    if change != "vectors":
        door.spark.sql(change.format(name))
    assert not is_possible(open_table(door.workspace, name), target)
    door.write(table, door.rows((None, "c", 3, datetime(2026, 1, 1, tzinfo=UTC))))
    assert sorted(tuple(row) for row in door.spark.table(name).select("name", "value").collect()) == [
        ("b", 2),
        ("c", 3),
    ]
    assert engines(door, name)[0].startswith("Apache-Spark")
