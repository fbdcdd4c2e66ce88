"""Changes that are read from the files that came: the rows that the change feed itself gives, or the feed is asked."""

import random

import pytest

from lakehouse.declare.column import Column
from lakehouse.declare.table import Table
from lakehouse.declare.write_modes import Append, Merge
from lakehouse.delta.change_feed import added_files
from lakehouse.delta.history import version_of
from lakehouse.delta.tables import Tables
from lakehouse.sources.kinds import load
from lakehouse.sources.source import ReadContext
from tests.library.door import Door

NAMES = ("id", "name", "value")


def read(door: Door, table: Table, since: int, *, deletes: bool = False) -> list[tuple]:
    context = ReadContext(Tables(door.workspace), lambda: door.spark, "silver.reader", "b")
    frame = load(table.changes(deletes=deletes), context, since, version_of(door.workspace, table.name))
    return sorted(tuple(row) for row in frame.select(*NAMES, *(["_is_deleted"] if deletes else [])).collect())


def files(door: Door, table: Table, since: int) -> dict[int, list[str]] | None:
    return added_files(door.workspace, table.name, since, version_of(door.workspace, table.name))


@pytest.mark.slow
@pytest.mark.parametrize("sequence", [(), ("sent_at",)], ids=["unordered", "ordered"])
def test_the_last_state_of_each_key_comes_whatever_way_it_is_read(door: Door, at, sequence, monkeypatch):
    table = door.table(Merge(on=("id",), sequence=sequence))
    pick = random.Random(11)  # noqa: S311 - rows of a test
    for number in range(4):
        keys = pick.sample(range(12), 5)
        # Never older than what is there: a row that does not take part is marked in its own file.
        door.write(table, door.rows(*((key, f"{number}", key, at(number)) for key in keys)))
    for since in range(4):
        assert files(door, table, since) is not None
        quick, with_deletes = read(door, table, since), read(door, table, since, deletes=True)
        with monkeypatch.context() as patch:
            patch.setattr("lakehouse.sources.tables.added_files", lambda *_: None)
            assert read(door, table, since) == quick
            assert read(door, table, since, deletes=True) == with_deletes == [(*row, False) for row in quick]


def test_rows_that_were_added_come_each(door: Door, at):
    table = door.table(Append())
    for number in range(3):
        door.write(table, door.rows((1, f"{number}", number, at(1)), (2, None, None, None)))

    assert files(door, table, 1) is not None
    assert read(door, table, 1) == sorted(
        [(1, "1", 1), (2, None, None), (1, "2", 2), (2, None, None)], key=lambda row: (row[0], str(row[1]))
    )


def deleted(door: Door, table: Table, at) -> None:
    door.spark.sql(f"DELETE FROM {table.name} WHERE id = 1")


def updated(door: Door, table: Table, at) -> None:
    door.spark.sql(f"UPDATE {table.name} SET name = 'u' WHERE id = 1")


def older(door: Door, table: Table, at) -> None:
    door.write(table, door.rows((1, "older", 1, at(0)), (9, "new", 9, at(9))))


def altered(door: Door, table: Table, at) -> None:
    door.spark.sql(f"ALTER TABLE {table.name} SET TBLPROPERTIES ('note' = 'x')")


@pytest.mark.parametrize("act", [deleted, updated, older, altered])
def test_the_feed_is_asked_where_files_alone_do_not_give_the_rows(door: Door, at, act):
    table = door.table(Merge(on=("id",), sequence=("sent_at",)))
    door.write(table, door.rows((1, "a", 1, at(1)), (2, "b", 2, at(1))))
    since = version_of(door.workspace, table.name)
    door.write(table, door.rows((1, "c", 1, at(2)), (3, "d", 3, at(2))))
    act(door, table, at)

    assert files(door, table, since) is None
    last = {1: (1, "c", 1), 3: (3, "d", 3)}
    last |= {deleted: {1: None}, updated: {1: (1, "u", 1)}, older: {9: (9, "new", 9)}}.get(act, {})
    assert read(door, table, since) == sorted(row for row in last.values() if row)


def test_a_column_that_the_table_does_not_have_is_an_error_and_not_null(door: Door, at):
    from pyspark.errors import AnalysisException

    table = door.table(Append())
    for _ in range(2):
        door.write(table, door.rows((1, "a", 1, at(1))))
    wider = Table(table.name, (*table.columns, Column("more", "string", "Not there")), "x", table.write)

    with pytest.raises(AnalysisException):
        read(door, wider, 1)
