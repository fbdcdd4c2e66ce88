"""Histories: every change of a key is a row, whatever came when; the traps that peers fall into, by their numbers."""

import uuid
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakehouse.declare.column import Column
from lakehouse.declare.table import Table, quarantine_of
from lakehouse.declare.write_modes import Scd2
from lakehouse.delta.history import history
from lakehouse.delta.tables import Tables
from tests.library.door import Door
from tests.library.examples import thorough

COLUMNS = (
    Column("id", "bigint", "Key"),
    Column("name", "string", "A name"),
    Column("value", "int", "A number"),
    Column("changed_at", "timestamp", "UTC, by the source"),
)
MODE = Scd2(
    on=("id",),
    sequence=("changed_at",),
    delete_when="operation = 'delete'",
    signals=(Column("operation", "string", "What the source did"),),
)
Change = tuple[int | None, str | None, int | None, int | None, str]


def at(second: int | None) -> datetime | None:
    return None if second is None else datetime(2026, 1, 1, 0, second // 60, second % 60, tzinfo=UTC)


def seconds(moment: datetime | None) -> int | None:
    return None if moment is None else moment.minute * 60 + moment.second


def upsert(key: int | None, name: str | None, value: int | None, second: int | None) -> Change:
    return (key, name, value, second, "upsert")


def delete(key: int, second: int) -> Change:
    return (key, None, None, second, "delete")


class Histories:
    """Tables of changes, and what they say."""

    def __init__(self, door: Door) -> None:
        self.door = door

    def table(self) -> Table:
        return Table(f"silver.h_{uuid.uuid4().hex[:10]}", columns=COLUMNS, grain="one row per change", write=MODE)

    def write(self, table: Table, *changes: Change) -> Any:
        rows = [(key, name, value, at(second), operation) for key, name, value, second, operation in changes]
        return self.door.write(table, self.door.rows(*rows, table=table))

    def read(self, table: Table) -> list[tuple[Any, ...]]:
        """Key, name, value, from, to, current, deleted; ordered by key and time."""
        names = ("id", "name", "value", "_valid_from", "_valid_to", "_is_current", "_is_deleted")
        rows = self.door.read(table.name, "id", "changed_at", *names[1:])
        return [(key, *row[:2], seconds(row[2]), seconds(row[3]), *row[4:]) for key, _, *row in rows]


@pytest.fixture
def histories(door: Door) -> Histories:
    return Histories(door)


def model(changes: list[Change]) -> list[tuple[Any, ...]]:
    """The history of some changes, worked out in plain Python."""
    kept: dict[tuple[int, int], tuple[Any, ...]] = {}
    for key, name, value, second, operation in changes:
        state = (operation == "delete", key, (name is not None, name), (value is not None, value))
        kept[key, second] = max(kept.get((key, second), state), state)
    rows = []
    for key, second in sorted(kept):
        is_deleted, _, (_, name), (_, value) = kept[key, second]
        later = [other for known, other in kept if known == key and other > second]
        end = second if is_deleted else min(later, default=None)
        rows.append((key, name, value, second, end, not later and not is_deleted, is_deleted))
    return rows


def test_a_change_closes_the_row_before_it_in_one_commit(histories: Histories):
    table = histories.table()
    histories.write(table, upsert(1, "a", 1, 10))

    done = histories.write(table, upsert(1, "b", 2, 20), upsert(2, "x", 9, 5))

    assert histories.read(table) == [
        (1, "a", 1, 10, 20, False, False),
        (1, "b", 2, 20, None, True, False),
        (2, "x", 9, 5, None, True, False),
    ]
    assert (done.version, done.published, done.deduplicated) == (2, 2, 0)
    assert [commit.operation for commit in history(histories.door.workspace, table.name)][:2] == ["MERGE", "MERGE"]


@pytest.mark.slow
def test_T1_a_kill_between_the_halves_leaves_one_current_row_per_key(histories: Histories, monkeypatch):
    """There are no halves: before the commit the old row is current, after it the new one."""
    import lakehouse.write.door as module

    table = histories.table()
    histories.write(table, upsert(1, "a", 1, 10))
    for step, current in (("prepare_position", "a"), ("sync", "b")):
        with monkeypatch.context() as patch:
            patch.setattr(module, step, _power_cut)
            with pytest.raises(KeyboardInterrupt):
                histories.write(table, upsert(1, "b", 2, 20))
        assert [row[1] for row in histories.read(table) if row[5]] == [current]
        module.recover(Tables(histories.door.workspace), histories.door.spark, table)
        assert [row[1] for row in histories.read(table) if row[5]] == ["b"]


def _power_cut(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def test_T2_a_then_b_then_a_again_are_three_rows(histories: Histories):
    table = histories.table()

    histories.write(table, upsert(1, "a", 1, 10), upsert(1, "b", 1, 20))
    histories.write(table, upsert(1, "a", 1, 30))

    assert [(row[1], row[3], row[4], row[5]) for row in histories.read(table)] == [
        ("a", 10, 20, False),
        ("b", 20, 30, False),
        ("a", 30, None, True),
    ]


def test_T3_nulls_in_keys_are_quarantined_and_doubles_ordered_by_rule(histories: Histories):
    table = histories.table()

    done = histories.write(
        table,
        upsert(None, "nobody", 1, 10),
        upsert(1, "never", 1, None),
        upsert(2, None, 7, 10),
        upsert(2, "swapped", None, 20),
        upsert(3, "a", 1, 10),
        upsert(3, "b", 1, 10),
        upsert(3, "b", 1, 10),
    )

    assert (done.rows_in, done.published, done.quarantined, done.deduplicated) == (7, 3, 2, 2)
    assert [row[:5] for row in histories.read(table)] == [
        (2, None, 7, 10, 20),
        (2, "swapped", None, 20, None),
        (3, "b", 1, 10, None),
    ]
    rejected = histories.door.spark.table(quarantine_of(table.name)).select("name", "_broken_rules").collect()
    assert {row[0]: row[1] for row in rejected} == {
        "nobody": ["id: not_null (declared)"],
        "never": ["changed_at: not_null (declared)"],
    }


def test_T4_several_changes_of_a_key_in_one_batch_are_all_kept(histories: Histories):
    table = histories.table()

    done = histories.write(table, *(upsert(1, f"n{second}", second, second) for second in (30, 10, 40, 20)))

    assert done.published == 4
    assert [(row[1], row[3], row[4]) for row in histories.read(table)] == [
        ("n10", 10, 20),
        ("n20", 20, 30),
        ("n30", 30, 40),
        ("n40", 40, None),
    ]


def test_T5_a_late_row_finds_its_place_and_a_batch_that_comes_twice_changes_nothing(histories: Histories):
    table = histories.table()
    batch = (upsert(1, "a", 1, 10), upsert(1, "c", 3, 30))
    histories.write(table, *batch)
    histories.write(table, upsert(1, "b", 2, 20))
    expected = [
        (1, "a", 1, 10, 20, False, False),
        (1, "b", 2, 20, 30, False, False),
        (1, "c", 3, 30, None, True, False),
    ]
    assert histories.read(table) == expected

    again = histories.write(table, *batch)

    assert histories.read(table) == expected
    assert (again.published, again.deduplicated) == (0, 2)


@pytest.mark.slow
def test_T6_a_rebuild_gives_the_same_rows_with_times_of_the_source(histories: Histories):
    changes = [
        upsert(1, "a", 1, 10),
        delete(1, 20),
        upsert(1, "b", 2, 30),
        upsert(2, "x", 1, 15),
        upsert(1, "l", 0, 25),
    ]
    first, again = histories.table(), histories.table()
    for change in changes:
        histories.write(first, change)

    histories.write(again, *changes)

    compared = [sorted(map(str, histories.door.spark.table(table.name).collect())) for table in (first, again)]
    assert compared[0] == compared[1]
    assert histories.read(again) == model(changes)


def test_a_deletion_closes_the_row_holds_at_no_time_and_is_remembered_for_what_comes_late(histories: Histories):
    table = histories.table()

    histories.write(table, delete(1, 20))
    histories.write(table, upsert(1, "late", 1, 10))

    assert histories.read(table) == [
        (1, "late", 1, 10, 20, False, False),
        (1, None, None, 20, 20, False, True),
    ]


CHANGES = st.lists(
    st.tuples(
        st.integers(1, 3),
        st.sampled_from([None, "a", "b"]),
        st.sampled_from([None, 1, 2]),
        st.integers(1, 8),
        st.sampled_from(["upsert", "upsert", "delete"]),
    ),
    min_size=1,
    max_size=12,
)


@thorough(2, 5)
@given(changes=CHANGES, cuts=st.lists(st.integers(0, 12), max_size=3))
def test_any_changes_in_any_batches_give_the_history_of_the_model(histories: Histories, changes, cuts):
    table = histories.table()
    edges = [0, *sorted({cut for cut in cuts if 0 < cut < len(changes)}), len(changes)]

    for start, end in pairwise(edges):
        histories.write(table, *changes[start:end])

    stored = histories.read(table)
    assert stored == model(changes)
    current = [row[0] for row in stored if row[5]]
    assert len(current) == len(set(current))
