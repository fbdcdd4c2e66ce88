"""Histories that do not keep equal states: the same rows in whatever order changes come, and none of them forgotten."""

import uuid
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakehouse.declare.column import Column
from lakehouse.declare.table import Table
from lakehouse.declare.write_modes import Append, Merge, Scd2
from lakehouse.runs.plan import Extent
from lakehouse.runs.run import run
from tests.library.door import Door
from tests.library.examples import thorough

COLUMNS = (
    Column("id", "bigint", "Key"),
    Column("name", "string", "A name"),
    Column("tags", "map<string,int>", "Of a type without equality"),
    Column("at", "int", "By the source"),
)
MODE = Scd2(
    on=("id",),
    sequence=("at",),
    delete_when="operation = 'delete'",
    signals=(Column("operation", "string", "What the source did"),),
    keep_equal_states=False,
)
HELD = ["id", "name", "tags", "_valid_from", "_valid_to", "_is_current", "_is_deleted"]


def history_table() -> Table:
    return Table(f"silver.e_{uuid.uuid4().hex[:10]}", columns=COLUMNS, grain="one row per state", write=MODE)


def write(door: Door, table: Table, *changes: tuple[Any, ...]) -> Any:
    rows = [(key, name, tags, at, operation) for key, name, tags, at, operation in changes]
    return door.write(table, door.rows(*rows, table=table))


def a_change(key: int, name: str | None, at: int, tags: dict[str, int] | None = None) -> tuple[Any, ...]:
    return (key, name, tags, at, "upsert")


def stored(door: Door, table: Table) -> list[tuple[Any, ...]]:
    rows = door.spark.table(table.name).orderBy("id", "at").select(*HELD, "_same_at").collect()
    return [(*row[:7], [moment.at for moment in row[7]]) for row in rows]


def oracle(changes: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """The history of some changes, by pandas: sorted, the greater of two of one moment, equal neighbours joined."""
    frame = pd.DataFrame(changes, columns=["id", "name", "tags", "at", "operation"]).astype(object)
    frame["gone"] = frame["operation"] == "delete"
    frame["state"] = [repr((gone, name, tags)) for gone, name, tags in frame[["gone", "name", "tags"]].to_numpy()]
    frame["size"] = [
        (gone, name is not None, name or "", tags is not None, str(tags))
        for gone, name, tags in frame[["gone", "name", "tags"]].to_numpy()
    ]
    frame = frame.sort_values(["id", "at", "size"]).drop_duplicates(["id", "at"], keep="last")
    frame["run"] = (frame["state"] != frame.groupby("id")["state"].shift()).groupby(frame["id"]).cumsum()
    first = frame.drop_duplicates(["id", "run"]).copy()
    first["next"] = first.groupby("id")["at"].shift(-1)
    again = frame.groupby(["id", "run"])["at"].agg(lambda moments: list(moments)[1:])
    rows = []
    for row in first.to_dict("records"):
        follows = None if pd.isna(row["next"]) else int(row["next"])
        end = row["at"] if row["gone"] else follows
        is_current = follows is None and not row["gone"]
        held = (row["id"], row["name"], row["tags"], row["at"], end, is_current, row["gone"])
        rows.append((*held, again[row["id"], row["run"]]))
    return rows


def test_an_equal_state_adds_no_row(door: Door):
    table = history_table()
    write(door, table, a_change(1, "a", 1), a_change(2, "x", 1, {"n": 1, "m": 2}))

    done = write(door, table, a_change(1, "a", 2), a_change(1, "a", 3), a_change(2, "x", 2, {"m": 2, "n": 1}))

    assert stored(door, table) == [
        (1, "a", None, 1, None, True, False, [2, 3]),
        (2, "x", {"n": 1, "m": 2}, 1, None, True, False, [2]),
    ]
    assert (done.rows_in, done.published, done.deduplicated) == (3, 0, 3)


def test_a_late_change_between_equal_states_splits_them_and_an_earlier_one_takes_them(door: Door):
    table = history_table()
    write(door, table, a_change(1, "a", 10), a_change(1, "a", 30), a_change(1, "a", 40))

    done = write(door, table, a_change(1, "b", 20))

    assert [(row[1], row[3], row[4], row[7]) for row in stored(door, table)] == [
        ("a", 10, 20, []),
        ("b", 20, 30, []),
        ("a", 30, None, [40]),
    ]
    assert (done.published, done.deduplicated) == (1, 0)

    # The row of moment 20 becomes an equal state, the one of moment 10 that of an earlier change.
    write(door, table, a_change(1, "a", 5), (1, None, None, 25, "delete"), (1, None, None, 20, "delete"))

    assert [(row[1], row[3], row[4], row[6], row[7]) for row in stored(door, table)] == [
        ("a", 5, 20, False, [10]),
        (None, 20, 20, True, [25]),
        ("a", 30, None, False, [40]),
    ]


def test_a_batch_that_comes_again_changes_no_row(door: Door):
    table = history_table()
    batch = (a_change(1, "a", 1), a_change(1, "a", 2), a_change(1, "b", 3), a_change(1, "b", 4))
    write(door, table, *batch)
    before = stored(door, table)

    again = write(door, table, *batch)

    assert stored(door, table) == before == oracle(list(batch))
    changed = door.spark.sql(f"SELECT count(*) FROM table_changes('{table.name}', {again.version}, {again.version})")
    assert (again.published, changed.collect()[0][0]) == (0, 0)


def test_a_history_that_kept_equal_states_joins_those_of_the_keys_that_come(door: Door):
    table = history_table()
    kept = Table(table.name, COLUMNS, table.grain, Scd2(on=("id",), sequence=("at",)))
    rows = [(key, "a", None, at) for key in (1, 2) for at in (1, 2)]
    door.write(kept, door.rows(*rows, table=kept))
    column = next(column for column in table.stored if column.name == "_same_at")
    door.spark.sql(f"ALTER TABLE {table.name} ADD COLUMNS (_same_at {column.type})")

    write(door, table, a_change(1, "a", 3))

    read = door.spark.table(table.name).orderBy("id", "at").select("id", "at", "_same_at.at", "_is_current").collect()
    assert [tuple(row) for row in read] == [(1, 1, [2, 3], True), (2, 1, None, False), (2, 2, None, True)]


def test_a_row_that_was_joined_is_no_deletion_for_who_reads_the_changes(door: Door):
    table = history_table()
    mark = Column("_is_deleted", "boolean", "")
    mode = Merge(on=("id",), sequence=("at",), delete_when="_is_deleted", signals=(mark,))
    reader = Table(f"silver.r_{uuid.uuid4().hex[:10]}", columns=COLUMNS, grain="one row per key", write=mode)

    def read() -> None:
        def transform(raw: Any) -> Any:
            return raw.select("id", "name", "tags", "at", "_is_deleted")

        run(door.connection, reader, transform, {"raw": table.changes(deletes=True)}, code="the same")

    write(door, table, a_change(1, "a", 5), a_change(2, "b", 5))
    read()
    write(door, table, a_change(1, "a", 3), (2, None, None, 6, "delete"))
    read()

    assert [row[3] for row in stored(door, table)] == [3, 5, 6]
    assert door.read(reader.name, "id", "name") == [(1, "a")]


def test_a_rebuild_gives_what_a_new_table_would_be(door: Door):
    changes = [a_change(1, "a", 10), a_change(1, "a", 20), a_change(1, "b", 30), (1, None, None, 40, "delete")]
    source = Table(f"silver.i_{uuid.uuid4().hex[:10]}", (*COLUMNS, *MODE.signals), "one row per change", write=Append())
    table = history_table()
    reads = {"raw": source.changes()}
    door.write(source, door.rows(*changes, table=source))
    run(door.connection, table, lambda raw: raw, reads, code="the same")
    door.spark.sql(f"DELETE FROM {source.name} WHERE at = 10")

    run(door.connection, table, lambda raw: raw, reads, code="the same", extent=Extent(full=True))

    assert stored(door, table) == oracle(changes[1:])
    write(door, table, changes[0])
    assert stored(door, table) == oracle(changes)


@pytest.mark.slow
def test_a_kill_on_either_side_of_the_commit_leaves_the_same_rows(door: Door, monkeypatch: pytest.MonkeyPatch):
    import lakehouse.write.door as module
    from lakehouse.delta.tables import Tables

    changes = [a_change(1, "a", 10), a_change(1, "a", 30), a_change(1, "b", 20)]
    for step in ("prepare_position", "sync"):
        table = history_table()
        write(door, table, *changes[:2])
        with monkeypatch.context() as patch:
            patch.setattr(module, step, _power_cut)
            with pytest.raises(KeyboardInterrupt):
                write(door, table, changes[2])
        done = module.recover(Tables(door.workspace), door.spark, table)
        assert done is not None
        assert (done.published, done.deduplicated) == (1, 0)
        assert stored(door, table) == oracle(changes)


def _power_cut(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


CHANGES = st.lists(
    st.tuples(
        st.integers(1, 2),
        st.sampled_from([None, "a", "b"]),
        st.sampled_from([None, {"n": 1}]),
        st.integers(1, 9),
        st.sampled_from(["upsert", "upsert", "upsert", "delete"]),
    ),
    min_size=1,
    max_size=14,
)


@thorough(1, 3)
@given(changes=CHANGES, cuts=st.lists(st.integers(0, 14), max_size=3), order=st.randoms(use_true_random=False))
def test_any_order_and_batches_give_the_history_of_the_oracle(door: Door, changes, cuts, order):
    came = list(changes)
    order.shuffle(came)
    table = history_table()
    edges = [0, *sorted({cut for cut in cuts if 0 < cut < len(came)}), len(came)]

    for start, end in pairwise(edges):
        done = write(door, table, *came[start:end])
        assert done.rows_in == done.published + done.deduplicated == end - start

    assert stored(door, table) == oracle(changes)


def test_the_moments_of_equal_states_have_the_types_of_the_sequence():
    columns = (Column("id", "bigint", "Key"), Column("at", "timestamp", "UTC"), Column("no", "decimal(20,0)", "Number"))
    mode = Scd2(on=("id",), sequence=("at", "no"), keep_equal_states=False)

    table = Table("silver.moments", columns=columns, grain="one row per state", write=mode)

    assert table.stored[-1].type == "array<struct<at:timestamp,no:decimal(20,0)>>"
    assert table.stored_names[3:] == ("_valid_from", "_valid_to", "_is_current", "_is_deleted", "_same_at")


def test_several_sequence_columns_are_all_kept(door: Door):
    columns = (
        Column("id", "bigint", "Key"),
        Column("at", "timestamp", "UTC"),
        Column("no", "int", "Number"),
        Column("name", "string", ""),
    )
    mode = Scd2(on=("id",), sequence=("at", "no"), keep_equal_states=False)
    table = Table(f"silver.e_{uuid.uuid4().hex[:10]}", columns=columns, grain="one row per state", write=mode)
    moment = datetime(2026, 1, 1, 12, 0, 0, 123456, tzinfo=UTC)
    door.write(table, door.rows((1, moment, 1, "a"), (1, moment, 3, "a"), table=table))

    door.write(table, door.rows((1, moment, 2, "b"), table=table))

    assert door.read(table.name, "no", "name", "at") == [(n, v, moment) for n, v in ((1, "a"), (2, "b"), (3, "a"))]
