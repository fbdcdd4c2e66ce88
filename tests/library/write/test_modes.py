"""The write modes beside the history: what each replaces, deletes and keeps."""

import pytest

from lakehouse.declare.column import Column
from lakehouse.declare.table import Table, deleted_of
from lakehouse.declare.write_modes import Append, Merge, Overwrite, ReplacePartitions, Scd2
from lakehouse.delta.history import history, open_table
from lakehouse.delta.tables import Tables
from lakehouse.errors import DeclarationError, PartitionMismatchError
from lakehouse.write.batch import Batch
from lakehouse.write.door import write
from lakehouse.write.run_kind import ForPartitions
from tests.library.door import COLUMNS, Door

DAYS = (Column("day", "date", "UTC date"), Column("id", "bigint", "Key"), Column("name", "string", "A name"))
OPERATION = (Column("operation", "string", "What the source did"),)


def partitioned(door: Door, *by: str, columns: tuple[Column, ...] = DAYS) -> Table:
    name = door.table().name
    return Table(name, columns=columns, grain="one row", write=ReplacePartitions(), partitioned_by=by or ("day",))


def days(door: Door, *rows: tuple[str | None, int, str | None]):
    frame = door.spark.createDataFrame([list(row) for row in rows], "day string, id bigint, name string")
    return frame.withColumn("day", frame.day.cast("date"))


def rows_of(door: Door, table: Table) -> list[tuple]:
    rows = door.unordered(table.name, "day", "id", "name")
    return sorted(((day and str(day), *row) for day, *row in rows), key=str)


# --- replace partitions ---


def test_exactly_the_partitions_of_the_batch_are_replaced(door: Door):
    table = partitioned(door)
    door.write(table, days(door, ("2026-01-01", 1, "a"), ("2026-01-02", 2, "b"), ("2026-01-03", 3, "c")))
    kept = {row["path"] for row in _files(door, table) if row["partition.day"].isoformat() == "2026-01-03"}

    done = door.write(table, days(door, ("2026-01-01", 10, "A"), ("2026-01-02", 20, "B"), ("2026-01-04", 4, "d")))

    assert (done.version, done.published) == (2, 3)
    assert rows_of(door, table) == [
        ("2026-01-01", 10, "A"),
        ("2026-01-02", 20, "B"),
        ("2026-01-03", 3, "c"),
        ("2026-01-04", 4, "d"),
    ]
    assert kept <= {row["path"] for row in _files(door, table)}


def _files(door: Door, table: Table) -> list[dict]:
    import pyarrow as pa

    return pa.table(open_table(door.workspace, table.name).get_add_actions(flatten=True)).to_pylist()


def test_a_run_for_partitions_empties_those_that_have_no_rows_left(door: Door):
    table = partitioned(door)
    door.write(table, days(door, ("2026-01-01", 1, "a"), ("2026-01-02", 2, "b")))

    batch = Batch("r1", "r1", kind=ForPartitions({"2026-01-01": {}}))
    write(Tables(door.workspace), door.spark, table, days(door), batch)

    assert rows_of(door, table) == [("2026-01-02", 2, "b")]


def test_rows_of_other_partitions_than_the_runs_are_refused(door: Door):
    table = partitioned(door)
    door.write(table, days(door, ("2026-01-01", 1, "a")))

    with pytest.raises(PartitionMismatchError) as error:
        write(
            Tables(door.workspace),
            door.spark,
            table,
            days(door, ("2026-01-01", 9, "z"), ("2026-01-07", 2, "b")),
            Batch("r2", "r2", kind=ForPartitions({"2026-01-01": {}})),
        )

    assert str(error.value) == (
        f"{table.name} was not written, it stays at version 1.\n"
        "  day  expected only the partitions of the run (2026-01-01), got 1 others\n"
        f"Filter the rows in assets/{table.name.replace('.', '/')}.py to the partitions that the run is for."
    )
    assert rows_of(door, table) == [("2026-01-01", 1, "a")]


@pytest.mark.parametrize("odd", ["a b/c=%:", "ü'\"\\", None, ""])
def test_odd_partition_values_are_kept_and_replaced(door: Door, odd: str | None):
    table = partitioned(door, "name")
    door.write(table, days(door, ("2026-01-01", 1, odd), ("2026-01-01", 2, "other")))

    door.write(table, days(door, ("2026-01-02", 7, odd)))

    # Delta knows no empty string as the value of a partition.
    assert rows_of(door, table) == sorted([("2026-01-01", 2, "other"), ("2026-01-02", 7, odd or None)], key=str)


def test_combinations_of_two_partition_columns_are_replaced_one_by_one(door: Door):
    table = partitioned(door, "day", "name")
    door.write(table, days(door, ("2026-01-01", 1, "a"), ("2026-01-01", 2, "b"), ("2026-01-02", 3, "a")))

    door.write(table, days(door, ("2026-01-01", 10, "a"), ("2026-01-02", 30, "b")))

    assert rows_of(door, table) == [
        ("2026-01-01", 10, "a"),
        ("2026-01-01", 2, "b"),
        ("2026-01-02", 3, "a"),
        ("2026-01-02", 30, "b"),
    ]


@pytest.mark.parametrize("by", [(), ("part",)], ids=["plain", "partitioned"])
def test_no_name_of_the_staging_hides_a_column_of_the_batch(door: Door, by: tuple[str, ...]):
    columns = tuple(Column(name, "string", "As it came") for name in ("id", "part", "audit", "audit_is_bad"))
    mode = ReplacePartitions() if by else Append()
    table = Table(door.table().name, columns=columns, grain="one row", write=mode, partitioned_by=by)

    door.write(table, door.rows(("1", "a", "b", "c"), ("2", "d", "e", None), table=table))

    assert door.read(table.name, "id", "part", "audit", "audit_is_bad") == [("1", "a", "b", "c"), ("2", "d", "e", None)]


@pytest.mark.parametrize("mode", [Append(), Overwrite(), Merge(on=("id",))], ids=lambda mode: type(mode).__name__)
def test_every_mode_writes_a_partitioned_table(door: Door, mode):
    table = Table(door.table().name, columns=DAYS, grain="one row", write=mode, partitioned_by=("day",))

    door.write(table, days(door, ("2026-01-01", 1, "a"), ("2026-01-02", 2, "b")))
    door.write(table, days(door, ("2026-01-01", 3, "c")))

    rows = [("2026-01-01", 1, "a"), ("2026-01-01", 3, "c"), ("2026-01-02", 2, "b")]
    assert rows_of(door, table) == ([rows[1]] if isinstance(mode, Overwrite) else rows)


@pytest.mark.parametrize("mode", [Append(), Overwrite(), Merge(on=("id",))], ids=lambda mode: type(mode).__name__)
def test_a_clustered_table_is_published_by_the_engine(door: Door, mode):
    table = Table(door.table().name, columns=DAYS, grain="one row", write=mode, clustered_by=("id",))

    door.write(table, days(door, ("2026-01-01", 1, "a"), ("2026-01-02", 2, "b")))
    done = door.write(table, days(door, ("2026-01-01", 3, "c")))
    nothing = door.write(table, days(door))

    rows = (
        [] if isinstance(mode, Overwrite) else [("2026-01-01", 1, "a"), ("2026-01-01", 3, "c"), ("2026-01-02", 2, "b")]
    )
    assert rows_of(door, table) == rows
    assert nothing.version == done.version + 1
    assert history(door.workspace, table.name)[0].note.asset == table.name


def test_a_row_against_a_constraint_goes_to_quarantine(door: Door):
    table = Table(
        door.table().name, columns=DAYS, grain="one row", constraints=(("id_is_positive", "id > 0"),), write=Append()
    )

    done = door.write(table, days(door, ("2026-01-01", 1, "a"), ("2026-01-01", -1, "b"), ("2026-01-01", None, "c")))

    assert (done.published, done.quarantined) == (1, 2)
    assert rows_of(door, table) == [("2026-01-01", 1, "a")]


# --- deletes in a merge ---


def changes(door: Door, table: Table, *rows: tuple):
    return door.rows(*rows, table=table)


def test_a_declared_condition_deletes(door: Door, at):
    mode = Merge(on=("id",), sequence=("sent_at",), delete_when="operation = 'delete'", signals=OPERATION)
    table = door.table(mode)
    door.write(table, changes(door, table, (1, "a", 1, at(1), "upsert"), (2, "b", 2, at(1), "upsert")))

    done = door.write(table, changes(door, table, (1, None, None, at(5), "delete"), (3, "c", 3, at(5), None)))

    assert (done.published, done.deduplicated) == (2, 0)
    assert door.read(table.name) == [(2, "b", 2), (3, "c", 3)]


def test_an_older_change_does_not_bring_a_deleted_key_back_and_a_newer_one_does(door: Door, at):
    mode = Merge(on=("id",), sequence=("sent_at",), delete_when="operation = 'delete'", signals=OPERATION)
    table = door.table(mode)
    door.write(table, changes(door, table, (1, "a", 1, at(5), "upsert"), (2, None, None, at(9), "delete")))
    door.write(table, changes(door, table, (1, None, None, at(6), "delete")))

    late = door.write(table, changes(door, table, (1, "late", 0, at(4), "upsert"), (2, "late", 0, at(8), "upsert")))
    assert door.read(table.name) == []
    assert (late.published, late.deduplicated) == (0, 2)

    door.write(table, changes(door, table, (1, "new", 2, at(7), "upsert")))
    assert door.read(table.name) == [(1, "new", 2)]
    assert door.spark.table(deleted_of(table.name)).count() == 2


def test_a_deletion_needs_its_key_alone_and_a_row_all_that_is_declared(door: Door):
    columns = (Column("id", "bigint", "Key"), Column("name", "string", "A name", nullable=False))
    table = door.table(Merge(on=("id",), delete_when="operation = 'delete'", signals=OPERATION), columns)
    door.write(table, changes(door, table, (1, "a", "upsert"), (2, "b", "upsert")))

    done = door.write(table, changes(door, table, (1, None, "delete"), (3, None, "upsert"), (None, None, "delete")))

    assert (done.published, done.quarantined) == (1, 2)
    assert door.read(table.name, "id", "name") == [(2, "b")]


def test_an_older_deletion_leaves_the_newer_row(door: Door, at):
    mode = Merge(on=("id",), sequence=("sent_at",), delete_when="operation = 'delete'", signals=OPERATION)
    table = door.table(mode)
    door.write(table, changes(door, table, (1, "a", 1, at(5), "upsert")))

    done = door.write(table, changes(door, table, (1, None, None, at(3), "delete")))

    assert (done.published, done.deduplicated) == (0, 1)
    assert door.read(table.name) == [(1, "a", 1)]


# --- declarations that cannot be ---


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        (
            {"write": ReplacePartitions()},
            "silver.x: ReplacePartitions needs `partitioned_by`, for example ('read_on',)",
        ),
        (
            {"write": Scd2(on=("id",), sequence=())},
            "silver.x: Scd2 needs `on` and `sequence`: the source must order its changes",
        ),
        (
            {"write": Merge(on=("idd",))},
            "silver.x: `idd` is no column of it (did you mean `id`?)",
        ),
        (
            {"columns": (*COLUMNS, Column("share", "double", "A part")), "partitioned_by": ("share",)},
            "silver.x: it cannot be partitioned by `share`, which is double. A Delta log holds the values of "
            "partitions as text, and this type has none that each engine reads alike. Partition by a string, boolean, "
            "whole number, date or timestamp, or by nothing.",
        ),
        (
            {"partitioned_by": ("id",), "clustered_by": ("name",)},
            "silver.x: give `partitioned_by` or `clustered_by`, Delta allows one of them",
        ),
    ],
)
def test_a_declaration_that_cannot_be_says_why(declared, message):
    with pytest.raises(DeclarationError) as error:
        Table("silver.x", **{"columns": COLUMNS, "grain": "one row", **declared})
    assert str(error.value) == message
