"""The door's own columns never meet those of a batch or a table: each value is the one that came."""

import random
from typing import Any

import pytest

from lakehouse.declare.column import Column
from lakehouse.declare.table import Table, quarantine_of
from lakehouse.declare.write_modes import Append, Merge, Overwrite, Scd2
from lakehouse.delta.history import version_of
from lakehouse.delta.tables import Tables
from lakehouse.errors import DeclarationError, SchemaMismatchError
from lakehouse.runs.replay import fix, replay
from lakehouse.schema.apply import apply
from lakehouse.sources.kinds import load, position_of
from lakehouse.sources.parquet import ParquetFiles
from lakehouse.sources.source import ReadContext
from tests.library.door import Door
from tests.library.write.test_scd2 import Histories, delete, model, seconds, upsert

# Words that statements of the library use for tables, columns and variables.
EVERYDAY = ("s", "t", "q", "d", "p", "k", "n", "by0", "k0", "m0", "part", "times", "bits", "label", "batch", "past")
IN_SET = {
    "type": "expect_column_values_to_be_in_set",
    "kwargs": {"column": "label", "value_set": ["good", "fixed"], "mostly": 0.01},
    "severity": "critical",
}
UNIQUE = {
    "type": "expect_compound_columns_to_be_unique",
    "kwargs": {"column_list": ["n", "k0"]},
    "severity": "critical",
}


def reading(door: Door) -> ReadContext:
    return ReadContext(Tables(door.workspace), lambda: door.spark, "silver.reader", "b")


def changes(door: Door, table: Table, since: int | None, *, deletes: bool) -> dict[tuple[int, int], tuple[Any, ...]]:
    """The rows that a reader is given: name, value, from, to, current and deleted, by key and sequence."""
    context, source = reading(door), table.changes(deletes=deletes)
    frame = load(source, context, since, position_of(source, context))
    names = ("name", "value", "_valid_from", "_valid_to", "_is_current", "_is_deleted")
    rows = frame.select("id", "changed_at", *names).collect()
    assert frame.columns.count("_is_deleted") == 1
    return {(r[0], seconds(r[1])): (r[2], r[3], seconds(r[4]), seconds(r[5]), r[6], r[7]) for r in rows}


@pytest.mark.slow
def test_changes_of_a_history_never_call_a_deletion_a_row_that_holds(door: Door):
    pick, histories = random.Random(5), Histories(door)  # noqa: S311 - rows of a test
    table, came = histories.table(), []
    read: dict[bool, dict[tuple[int, int], tuple[Any, ...]]] = {False: {}, True: {}}
    since: int | None = None
    for _ in range(5):
        keys = [(pick.randint(1, 3), pick.randint(1, 59)) for _ in range(4)]
        batch = [delete(*key) if pick.random() < 0.4 else upsert(key[0], "n", key[1], key[1]) for key in keys]
        histories.write(table, *batch)
        came += batch
        expected = {(row[0], row[3]): row[1:] for row in model(came)}
        for deletes in (False, True):
            read[deletes] |= changes(door, table, since, deletes=deletes)
            assert read[deletes] == expected
            assert changes(door, table, None, deletes=deletes) == expected
        since = version_of(door.workspace, table.name)
    assert {row[-1] for row in read[True].values()} == {False, True}

    removed = next(key for key, row in read[True].items() if not row[-1])
    door.spark.sql(f"DELETE FROM {table.name} WHERE id = {removed[0]} AND second(changed_at) = {removed[1]}")

    assert changes(door, table, since, deletes=False) == {}
    assert {key: row[-1] for key, row in changes(door, table, since, deletes=True).items()} == {removed: True}


def test_a_declared_column_keeps_its_values_in_changes(door: Door):
    own = Column("_is_deleted", "boolean", "Said by the source")
    table = door.table(Merge(on=("id",)), (Column("id", "bigint", "Key"), own))
    for number in (1, 2):
        door.write(table, door.rows((number, True), table=table))
    context = reading(door)

    rows = [load(table.changes(), context, since, 2).collect() for since in (None, 1)]

    assert [sorted(tuple(row) for row in read) for read in rows] == [[(1, True), (2, True)], [(2, True)]]


@pytest.mark.parametrize("brought", ["audit-verdict", "audit_mask_0", "_state", "_row_id", "_metadata", "value"])
def test_a_column_that_a_batch_brings_beside_its_own_is_refused_and_hides_none(door: Door, brought: str):
    from pyspark.sql import functions as F

    table = door.table()
    frame = door.rows((1, "a", 1, None)).select("*", F.lit(7).alias(brought))

    with pytest.raises(SchemaMismatchError, match=f"{brought}  expected"):
        door.write(table, frame)


@pytest.mark.slow
@pytest.mark.parametrize(
    "mode", [Append(), Overwrite(), Merge(("id",), ("at",), "batch = 'gone'"), Scd2(("id",), ("at",))], ids=repr
)
def test_columns_with_everyday_names_come_through_the_door_and_back_from_quarantine(door: Door, fresh: Any, mode: Any):
    columns = (
        Column("id", "bigint", "Key"),
        Column("at", "int", "Sequence"),
        *(Column(name, "struct<id:bigint,at:int>", "A struct") for name in EVERYDAY[:6]),
        *(Column(name, "string", "A word") for name in EVERYDAY[6:]),
    )
    table = Table(fresh("silver"), columns=columns, grain="one row per test row", write=mode)
    door.suite(table, IN_SET, UNIQUE)

    def row(key: int, at: int, label: str) -> tuple[Any, ...]:
        words = [label if name == "label" else f"{name} {key} {at}" for name in EVERYDAY[6:]]
        return (key, at, *([(90 + key, 90 + at)] * 6), *words)

    door.write(table, door.rows(row(1, 1, "good"), row(2, 1, "bad"), table=table))
    if not isinstance(mode, Overwrite):
        door.write(table, door.rows(row(3, 2, "good"), row(1, 2, "good"), table=table))
    fix(door.connection, table, {"label": "'fixed'"}, where="q.id = 92")
    done = replay(door.connection, table)

    assert (done.published, done.quarantined) == (1, 0)
    expected = [row(1, 1, "good"), row(2, 1, "fixed"), row(3, 2, "good"), row(1, 2, "good")]
    if isinstance(mode, Overwrite):
        expected = expected[:2]
    elif isinstance(mode, Merge):
        expected = expected[1:]
    stored = door.spark.table(table.name).select(*table.column_names).collect()
    assert sorted(tuple(map(_plain, read)) for read in stored) == sorted(expected)
    assert [read[0] for read in door.spark.table(quarantine_of(table.name)).select("label").collect()] == ["fixed"]


def _plain(value: Any) -> Any:
    return tuple(value) if isinstance(value, tuple) else value


@pytest.mark.parametrize("name", ["_metadata", "_state", "_row_dropped_"])
def test_a_stored_column_whose_name_is_refused_gets_another_by_apply(door: Door, fresh: Any, name: str):
    table = fresh("silver")
    door.spark.sql(f"CREATE DATABASE IF NOT EXISTS silver LOCATION '{door.workspace.warehouse}/silver'")
    door.spark.sql(f"CREATE TABLE {table} (id BIGINT, {name} STRING) USING DELTA")
    door.spark.sql(f"INSERT INTO {table} VALUES (1, 'a')")
    with pytest.raises(DeclarationError, match=f'renamed_from="{name}"'):
        Table(table, columns=(Column("id", "bigint", ""), Column(name, "string", "")), grain="")
    columns = (Column("id", "bigint", ""), Column("word", "string", "", renamed_from=name))
    declared = Table(table, columns=columns, grain="")

    apply(door.connection, declared, [table])
    door.write(declared, door.rows((2, "b"), table=declared))

    assert door.read(table, "id", "word") == [(1, "a"), (2, "b")]


def test_a_file_never_hides_how_its_rows_arrived(door: Door):
    for name in ("_source_file", "_metadata"):
        source = ParquetFiles("landing/*.parquet", f"id BIGINT NOT NULL, {name} STRING")
        with pytest.raises(DeclarationError, match=f"names `{name}`"):
            load(source, reading(door), None, position_of(source, reading(door)))
