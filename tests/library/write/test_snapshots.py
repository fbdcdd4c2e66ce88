"""Histories of snapshots: what is the same adds nothing, what is missing is deleted, what cannot be known stays."""

import uuid
from datetime import UTC, date, datetime
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakehouse.answers.version import explain
from lakehouse.declare.column import Column
from lakehouse.declare.table import Table, quarantine_of
from lakehouse.declare.write_modes import Append, Merge, Scd2
from lakehouse.delta.history import open_table
from lakehouse.delta.tables import Tables
from lakehouse.errors import DeclarationError, SnapshotError, StagedFilesGoneError
from lakehouse.runs.plan import Extent
from lakehouse.runs.replay import fix, reopen, replay
from lakehouse.runs.run import run
from lakehouse.sources.files import Lines
from lakehouse.sources.kinds import check_reader
from lakehouse.sources.parquet import ParquetFiles
from lakehouse.write import quarantine
from lakehouse.write.batch import Batch
from lakehouse.write.door import recover, write
from lakehouse.write.run_kind import ForPartitions
from tests.library.door import Door, only
from tests.library.examples import thorough

COLUMNS = (
    Column("id", "bigint", "Key"),
    Column("name", "string", "A name"),
    Column("value", "int", "A number"),
    Column("tags", "map<string,int>", "Of a type without equality"),
    Column("read_at", "timestamp", "UTC, the moment of the snapshot"),
)
MODE = Scd2(on=("id",), sequence=("read_at",), snapshot=True)
AT_MOST_10 = {
    "type": "expect_column_values_to_be_between",
    "kwargs": {"column": "value", "max_value": 10, "mostly": 0.01},
    "severity": "critical",
}
State = tuple[Any, ...]


def at(second: int) -> datetime:
    # Not whole milliseconds: what is noted of a moment must be all of it.
    return datetime(2026, 1, 1, 0, 0, second, 654321, tzinfo=UTC)


class Snapshots:
    """Tables of snapshots, and what they say."""

    def __init__(self, door: Door) -> None:
        self.door = door

    def table(self, mode: Scd2 = MODE) -> Table:
        table = Table(f"silver.s_{uuid.uuid4().hex[:10]}", columns=COLUMNS, grain="one row per state", write=mode)
        self.door.suite(table, AT_MOST_10)
        return table

    def frame(self, table: Table, second: int, *states: State) -> Any:
        return self.door.rows(*((*state, *(None,) * (4 - len(state)), at(second)) for state in states), table=table)

    def write(self, table: Table, second: int, *states: State) -> Any:
        """Key, name, value and tags of all keys as they are; what is left out at the end is null."""
        return self.door.write(table, self.frame(table, second, *states))

    def read(self, table: Table) -> list[tuple[Any, ...]]:
        """Key, name, value, from, to, current, deleted; ordered by key and time."""
        names = ("id", "name", "value", "_valid_from", "_valid_to", "_is_current", "_is_deleted")
        rows = self.door.read(table.name, "id", "read_at", *names[1:])
        return [(key, *row[:2], row[2].second, row[3] and row[3].second, *row[4:]) for key, _, *row in rows]


@pytest.fixture
def snapshots(door: Door) -> Snapshots:
    return Snapshots(door)


@pytest.mark.slow
def test_of_3321_keys_5_that_changed_are_5_new_rows(snapshots: Snapshots):
    table, spark = snapshots.table(), snapshots.door.spark
    frame = spark.range(3321).selectExpr(
        "id", "concat('n', id) AS name", "CAST(id % 10 AS int) AS value", "map('n', CAST(id AS int)) AS tags"
    )
    first = frame.selectExpr("*", "TIMESTAMP'2026-01-01T00:00:10Z' AS read_at")
    second = frame.selectExpr(
        "id",
        "if(id IN (1, 700, 3320), 'other', name) AS name",
        "value",
        "if(id IN (2, 3000), map('n', -1), tags) AS tags",
        "TIMESTAMP'2026-01-01T00:00:20Z' AS read_at",
    )
    snapshots.door.write(table, first)

    done = snapshots.door.write(table, second)

    assert (done.rows_in, done.published, done.quarantined, done.deduplicated) == (3321, 5, 0, 3316)
    counts = spark.sql(f"SELECT count(*), count_if(_is_current), count_if(_valid_to IS NOT NULL) FROM {table.name}")
    assert tuple(counts.collect()[0]) == (3326, 3321, 5)
    feed = spark.sql(f"SELECT _change_type FROM table_changes('{table.name}', {done.version}, {done.version})")
    changes = feed.groupBy("_change_type").count().collect()
    assert dict(map(tuple, changes)) == {"insert": 5, "update_preimage": 5, "update_postimage": 5}
    assert done.version == open_table(snapshots.door.workspace, table.name).version() == 2


def test_a_missing_key_is_deleted_and_comes_back(snapshots: Snapshots):
    table = snapshots.table()
    snapshots.write(table, 10, (1, "a", 1), (2, "b", None))

    done = snapshots.write(table, 20, (1, "a", 1))
    snapshots.write(table, 30, (1, "a", 1))
    snapshots.write(table, 40, (1, "a", 1), (2, "b", None))

    assert snapshots.read(table) == [
        (1, "a", 1, 10, None, True, False),
        (2, "b", None, 10, 20, False, False),
        (2, "b", None, 20, 20, False, True),
        (2, "b", None, 40, None, True, False),
    ]
    assert (done.rows_in, done.published, done.deduplicated) == (1, 0, 1)
    assert done.messages == (f"1 keys of {table.name} are not in the snapshot: they are deleted at its moment.",)
    said = explain(snapshots.door.workspace, f"{table.name}@{done.version}").to_json()
    assert said["rows"] == {"in": 1, "published": 0, "quarantined": 0, "deduplicated": 1}


def test_a_snapshot_of_the_moment_of_the_last_one_takes_its_place(snapshots: Snapshots):
    table = snapshots.table()
    snapshots.write(table, 10, (1, "a", 1), (2, "b", 2), (3, "c", 3))
    wrong = [(1, "wrong", 1), (3, "wrong", 3), (4, "wrong", 4)]
    snapshots.write(table, 20, *wrong)
    before = snapshots.read(table)

    again = snapshots.write(table, 20, *wrong)
    assert snapshots.read(table) == before
    assert again.published == 0
    feed = snapshots.door.spark.sql(f"SELECT * FROM table_changes('{table.name}', {again.version}, {again.version})")
    assert feed.count() == 0

    snapshots.write(table, 20, (1, "a", 1), (2, "b", 2), (3, "right", 3))
    assert snapshots.read(table) == [
        (1, "a", 1, 10, None, True, False),
        (2, "b", 2, 10, None, True, False),
        (3, "c", 3, 10, 20, False, False),
        (3, "right", 3, 20, None, True, False),
    ]


# --- what is no snapshot ---


def refused(snapshots: Snapshots, table: Table, *came: Any) -> str:
    before, version = snapshots.read(table), open_table(snapshots.door.workspace, table.name).version()
    with pytest.raises(SnapshotError) as error:
        snapshots.write(table, *came)
    assert snapshots.read(table) == before
    assert open_table(snapshots.door.workspace, table.name).version() == version
    assert error.value.version == version
    assert str(error.value).startswith(f"{table.name} was not published, it stays at version {version}.\n")
    return str(error.value)


def test_an_empty_snapshot_is_refused(snapshots: Snapshots):
    table = snapshots.table()
    snapshots.write(table, 10, (1, "a", 1))

    message = refused(snapshots, table, 20)
    rejected = refused(snapshots, table, 20, (None, "b", 2))

    assert "The snapshot is empty (it has no rows), and would delete every key." in message
    assert "declare Scd2(..., snapshot=True, may_be_empty=True)" in message
    assert "(all of its 1 rows were rejected)" in rejected
    assert quarantine.counts(snapshots.door.workspace, table.name)["waiting"] == 0


def test_an_empty_snapshot_that_may_be_is_of_the_moment_when_its_run_began(snapshots: Snapshots):
    table = snapshots.table(Scd2(on=("id",), sequence=("read_at",), snapshot=True, may_be_empty=True))
    snapshots.write(table, 10, (1, "a", 1))
    began = datetime(2026, 1, 1, 0, 0, 30, tzinfo=UTC)
    door = snapshots.door

    done = write(
        Tables(door.workspace), door.spark, table, snapshots.frame(table, 0), Batch("r", "b", started_at=began)
    )

    assert snapshots.read(table) == [(1, "a", 1, 10, 30, False, False), (1, "a", 1, 30, 30, False, True)]
    assert (done.rows_in, done.published, done.deduplicated) == (0, 0, 0)


def test_a_snapshot_of_several_moments_is_refused(snapshots: Snapshots):
    table = snapshots.table()
    snapshots.write(table, 10, (1, "a", 1))
    both = snapshots.frame(table, 20, (1, "b", 1)).union(snapshots.frame(table, 21, (2, "c", 2)))

    with pytest.raises(SnapshotError, match="read_at  expected one moment for all rows of the snapshot, got several"):
        snapshots.door.write(table, both)

    assert snapshots.read(table) == [(1, "a", 1, 10, None, True, False)]


def test_a_snapshot_older_than_the_last_is_refused_though_the_last_left_no_row(snapshots: Snapshots):
    table = snapshots.table()
    snapshots.write(table, 10, (1, "a", 1))
    snapshots.write(table, 30, (1, "a", 1))

    message = refused(snapshots, table, 20, (1, "b", 1))

    assert "The snapshot is of an older moment (read_at) than the last one that the history has." in message
    assert "2026" not in message.replace(table.name, "")


def test_a_snapshot_is_of_no_partitions(snapshots: Snapshots):
    table, door = snapshots.table(), snapshots.door
    snapshots.write(table, 10, (1, "a", 1))

    with pytest.raises(SnapshotError, match="run the table as a whole"):
        write(
            Tables(door.workspace),
            door.spark,
            table,
            snapshots.frame(table, 20, (2, "b", 1)),
            Batch("r", "b", kind=ForPartitions({"1": {}})),
        )

    assert snapshots.read(table) == [(1, "a", 1, 10, None, True, False)]


# --- rejected rows ---


def test_the_key_of_a_rejected_row_is_not_missing(snapshots: Snapshots):
    table = snapshots.table()
    snapshots.write(table, 10, (1, "a", 1), (2, "b", 2), (3, "c", 3))

    done = snapshots.write(table, 20, (1, "a", 1), (2, "b", 99))

    assert snapshots.read(table) == [
        (1, "a", 1, 10, None, True, False),
        (2, "b", 2, 10, None, True, False),
        (3, "c", 3, 10, 20, False, False),
        (3, "c", 3, 20, 20, False, True),
    ]
    assert (done.rows_in, done.published, done.quarantined, done.deduplicated) == (2, 0, 1, 1)


@pytest.mark.slow
def test_a_rejected_row_without_a_key_may_be_any_so_none_is_deleted(snapshots: Snapshots):
    table = snapshots.table()
    snapshots.write(table, 10, (1, "a", 1), (2, "b", 2))

    done = snapshots.write(table, 20, (1, "A", 1), (None, "b", 2))

    assert [row[:2] for row in snapshots.read(table) if row[5]] == [(1, "A"), (2, "b")]
    assert done.messages[0].startswith("1 rejected rows of the snapshot have no key, and may be of any")
    snapshots.write(table, 30, (1, "A", 1))
    assert [row[:2] for row in snapshots.read(table) if row[5]] == [(1, "A")]


@pytest.mark.slow
def test_a_key_that_no_table_can_hold_may_be_any_too(door: Door):
    columns = (Column("id", "string", "Key"), Column("read_at", "timestamp", "UTC"))
    table = Table(f"silver.s_{uuid.uuid4().hex[:10]}", columns=columns, grain="one row per state", write=MODE)
    door.write(table, door.rows(("é", at(10)), ("x", at(10)), table=table))
    latin = door.rows(("x", at(20)), table=table).union(
        door.spark.sql("SELECT CAST(X'E9' AS string), TIMESTAMP'2026-01-01T00:00:20.654321Z'")
    )

    done = door.write(table, latin)

    assert (done.quarantined, done.deduplicated) == (1, 1)
    assert door.read(table.name, "id", "_is_current") == [("x", True), ("é", True)]


@pytest.mark.slow
def test_a_replay_completes_the_last_snapshot_and_deletes_nothing(snapshots: Snapshots):
    table, door = snapshots.table(), snapshots.door
    snapshots.write(table, 10, (1, "a", 1), (2, "b", 2), (3, "c", 3))
    snapshots.write(table, 20, (1, "a", 1), (2, "b", 99), (3, "c", 33), (4, "d", 44))
    fix(door.connection, table, {"value": "CASE id WHEN 3 THEN 3 ELSE 4 END"})

    done = replay(door.connection, table)

    assert snapshots.read(table) == [
        (1, "a", 1, 10, None, True, False),
        (2, "b", 2, 10, 20, False, False),
        (2, "b", 4, 20, None, True, False),
        (3, "c", 3, 10, None, True, False),
        (4, "d", 4, 20, None, True, False),
    ]
    assert (done.rows_in, done.published, done.deduplicated) == (3, 2, 1)
    # The last snapshot is still the last.
    refused(snapshots, table, 15, (1, "a", 1))


@pytest.mark.slow
def test_the_next_snapshot_stands_for_the_rejected_rows_of_the_last(snapshots: Snapshots):
    table, door = snapshots.table(), snapshots.door
    snapshots.write(table, 10, (1, "a", 1))
    snapshots.write(table, 20, (1, "b", 99), (2, "x", 1))
    snapshots.write(table, 30, (1, "a", 1), (2, "x", 1))
    assert quarantine.counts(door.workspace, table.name) == only(discarded=1)
    before = snapshots.read(table)
    reopen(door.connection, table)
    fix(door.connection, table, {"value": "1"})

    with pytest.raises(SnapshotError, match="read_at  expected the moment of the last snapshot, got 1 rows of others"):
        replay(door.connection, table)

    assert snapshots.read(table) == before
    assert door.spark.table(quarantine_of(table.name)).where("_state = 'waiting'").count() == 1


# --- after a crash ---


@pytest.mark.slow
@pytest.mark.parametrize("step", ["prepare_position", "sync"])
def test_a_kill_on_either_side_of_the_commit_leaves_the_same_rows(
    snapshots: Snapshots, monkeypatch: pytest.MonkeyPatch, step: str
):
    import lakehouse.write.door as module

    table, door = snapshots.table(), snapshots.door
    snapshots.write(table, 10, (1, "a", 1), (2, "b", 2), (3, "c", 3))
    with monkeypatch.context() as patch:
        patch.setattr(module, step, _power_cut)
        with pytest.raises(KeyboardInterrupt):
            snapshots.write(table, 20, (1, "A", 1), (2, "b", 99))

    done = recover(Tables(door.workspace), door.spark, table)

    assert done is not None
    assert (done.rows_in, done.published, done.quarantined, done.deduplicated) == (2, 1, 1, 0)
    assert snapshots.read(table) == [
        (1, "a", 1, 10, 20, False, False),
        (1, "A", 1, 20, None, True, False),
        (2, "b", 2, 10, None, True, False),
        (3, "c", 3, 10, 20, False, False),
        (3, "c", 3, 20, 20, False, True),
    ]


def _power_cut(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def test_a_decision_whose_rejected_rows_are_gone_deletes_no_key(snapshots: Snapshots, monkeypatch: pytest.MonkeyPatch):
    """Without them a key that is not missing would be."""
    import lakehouse.write.door as module
    from lakehouse.storage import delete_folder
    from lakehouse.write.intent import open_intent
    from lakehouse.write.stage import AUDIT, BAD

    table, door = snapshots.table(), snapshots.door
    snapshots.write(table, 10, (1, "a", 1), (2, "b", 2))
    with monkeypatch.context() as patch:
        patch.setattr(module, "prepare_position", _power_cut)
        with pytest.raises(KeyboardInterrupt):
            snapshots.write(table, 20, (1, "A", 1), (2, "b", 99))
    intent = open_intent(door.workspace, table.name)
    assert intent is not None
    delete_folder(f"{intent.staged.path}/{AUDIT}={BAD}")

    with pytest.raises(StagedFilesGoneError):
        recover(Tables(door.workspace), door.spark, table)

    assert [row[:2] for row in snapshots.read(table) if row[5]] == [(1, "a"), (2, "b")]


# --- what it reads ---


@pytest.mark.slow
def test_a_full_run_keeps_the_states_that_the_input_has_no_more(snapshots: Snapshots):
    door, table = snapshots.door, snapshots.table()
    columns = (Column("id", "bigint", "Key"), Column("name", "string", "A name"), Column("value", "int", "A number"))
    source = Table(f"silver.i_{uuid.uuid4().hex[:10]}", columns=columns, grain="x", write=Merge(on=("id",)))

    def all_keys(second: int) -> Any:
        def transform(raw: Any) -> Any:
            from pyspark.sql import functions as F

            return raw.withColumns({"tags": F.expr("CAST(NULL AS map<string,int>)"), "read_at": F.lit(at(second))})

        return transform

    door.write(source, door.rows((1, "a", 1), table=source))
    run(door.connection, table, all_keys(10), {"raw": source}, code="the same")
    assert run(door.connection, table, all_keys(15), {"raw": source}, code="the same").unchanged
    door.write(source, door.rows((1, "b", 1), (2, "c", 2), table=source))

    done = run(door.connection, table, all_keys(20), {"raw": source}, code="the same", extent=Extent(full=True))

    assert [row[:5] for row in snapshots.read(table)] == [
        (1, "a", 1, 10, 20),
        (1, "b", 1, 20, None),
        (2, "c", 2, 20, None),
    ]
    assert done.messages == (
        f"{table.name} is a history of snapshots: what there is now was compared with it, and its past is kept.",
    )


def test_a_snapshot_is_not_made_of_what_is_new(snapshots: Snapshots):
    table = snapshots.table()
    source = Table("bronze.raw", columns=COLUMNS, grain="x", write=Append(), partitioned_by=("name",))
    check_reader(table, {"raw": source})

    for read, said in (
        (source.changes(), "from Changes, which gives a run only what is new, and a snapshot deletes every key"),
        (source.by_partition(), "from ByPartition, which gives a run only its partitions"),
        (Lines("landing/*.jsonl"), "read a table that appends the rows of the files"),
        (ParquetFiles("landing/*.parquet", "id bigint"), "read a table that appends the rows of the files"),
    ):
        with pytest.raises(DeclarationError, match=said):
            check_reader(table, {"raw": read})


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        ({"delete_when": "name = 'gone'"}, "a snapshot deletes a key by leaving it out"),
        ({"signals": (Column("operation", "string", ""),)}, "a snapshot deletes a key by leaving it out"),
        ({"keep_equal_states": False}, "never keeps equal states, leave out `keep_equal_states`"),
        ({"snapshot": False, "may_be_empty": True}, "`may_be_empty` is for Scd2"),
        (
            {"sequence": ("name",), "may_be_empty": True},
            "needs one `sequence` column of timestamp, timestamp_ntz, date",
        ),
        ({"sequence": ("read_at", "value"), "may_be_empty": True}, "needs one `sequence` column"),
        ({"sequence": ("parts",)}, "`parts` is array<int>, and cannot be the moment of a snapshot"),
    ],
)
def test_a_history_of_snapshots_that_cannot_be_says_why(declared: dict[str, Any], message: str):
    columns = (*COLUMNS, Column("parts", "array<int>", ""))
    mode = Scd2(**{"on": ("id",), "sequence": ("read_at",), "snapshot": True, **declared})

    with pytest.raises(DeclarationError, match=message):
        Table("silver.x", columns=columns, grain="x", write=mode)


@pytest.mark.parametrize(
    ("type_", "moments"),
    [
        ("date", (date(2026, 1, 1), date(2026, 1, 2), date(2026, 1, 3))),
        ("string", ("a'\\", "b'\\", "c'\\")),
        pytest.param("timestamp_ntz", [datetime(2026, 1, 1, 0, 0, 0, 1 + n) for n in range(3)], marks=pytest.mark.slow),
        pytest.param("decimal(38,2)", [10**30 + n for n in range(3)], marks=pytest.mark.slow),
        pytest.param("double", (1e300, 1e301, float("inf")), marks=pytest.mark.slow),
    ],
)
def test_moments_of_other_types(door: Door, type_: str, moments: Any):
    from decimal import Decimal

    columns = (Column("id", "bigint", "Key"), Column("name", "string", ""), Column("batch", type_, ""))
    mode = Scd2(on=("id",), sequence=("batch",), snapshot=True)
    table = Table(f"silver.s_{uuid.uuid4().hex[:10]}", columns=columns, grain="x", write=mode)
    first, between, last = map(Decimal, moments) if "decimal" in type_ else moments

    door.write(table, door.rows((1, "a", first), (2, "b", first), table=table))
    door.write(table, door.rows((1, "a", last), table=table))

    with pytest.raises(SnapshotError):
        door.write(table, door.rows((1, "c", between), table=table))
    assert door.read(table.name, "id", "_valid_from", "_valid_to", "_is_deleted") == [
        (1, first, None, False),
        (2, first, last, False),
        (2, last, last, True),
    ]


# --- against an oracle ---


def oracle(taken: list[tuple[int, list[State]]]) -> list[tuple[Any, ...]]:
    """The history of snapshots, by pandas: each is joined with what was current; a later one of one moment replaces."""
    names = ["id", "name", "value"]
    last = dict(taken)
    # Rows without a key, or against a rule: which keys a snapshot does not speak of.
    current = pd.DataFrame(columns=names, dtype=object)
    rows: list[list[Any]] = []
    for second, states in sorted(last.items()):
        snapshot = pd.DataFrame(states, columns=names, dtype=object)
        is_bad = snapshot["id"].isna() | (snapshot["value"].fillna(0) > 10)
        unknown, snapshot = set(snapshot["id"][is_bad]), snapshot[~is_bad]
        closes = not any(key is None or pd.isna(key) for key in unknown)
        joined = current.merge(snapshot, on="id", how="outer", suffixes=("_was", ""), indicator=True)
        for row in joined.to_dict("records"):
            state = [None if pd.isna(row[name]) else row[name] for name in ("name", "value")]
            was = [None if pd.isna(row[f"{name}_was"]) else row[f"{name}_was"] for name in ("name", "value")]
            is_missing = row["_merge"] == "left_only"
            if is_missing and (not closes or row["id"] in unknown):
                continue
            if row["_merge"] == "both" and state == was:
                continue
            for before in rows:
                if before[0] == row["id"] and before[5]:
                    before[4], before[5] = second, False
            new = [row["id"], *(was if is_missing else state), second]
            rows.append([*new, second, False, True] if is_missing else [*new, None, True, False])
        current = pd.DataFrame([row[:3] for row in rows if row[5]], columns=names, dtype=object)
    return sorted(map(tuple, rows), key=lambda row: (row[0], row[3]))


STATES = st.lists(
    st.tuples(st.integers(1, 4), st.sampled_from([None, "a", "b"]), st.sampled_from([None, 1, 1, 2])),
    min_size=1,
    max_size=4,
    unique_by=lambda state: state[0],
)
BAD_ROWS = st.lists(
    st.tuples(st.sampled_from([None, 1, 2, 3, 4]), st.just("bad"), st.just(99)),
    max_size=1,
    unique_by=lambda row: row[0],
)


@st.composite
def histories(draw: st.DrawFn) -> list[tuple[int, list[State]]]:
    """Snapshots in their order, some of the moment of the one before; some keys have a bad row instead of theirs."""
    taken, second = [], 0
    for _ in range(draw(st.integers(1, 6))):
        # One without rejected rows may come again: those that it left as they were would be those of the first.
        second += draw(st.sampled_from([1, 1, 2]))
        good, bad = draw(STATES), draw(BAD_ROWS)
        keys = {row[0] for row in bad}
        # A value that is good: a snapshot of whose values none is good is refused.
        states = [*(state for state in good if state[0] not in keys), (9, "always", 1)]
        if not bad and draw(st.integers(0, 3)) == 0:
            taken.append((second, draw(STATES)))
        taken.append((second, [*states, *bad]))
    return taken


@thorough(1, 3)
@given(taken=histories())
def test_any_snapshots_give_the_history_of_the_oracle(snapshots: Snapshots, taken: list[tuple[int, list[State]]]):
    table = snapshots.table()

    for second, states in taken:
        done = snapshots.write(table, second, *states)
        assert done.rows_in == done.published + done.quarantined + done.deduplicated == len(states)
        assert min(done.published, done.quarantined, done.deduplicated) >= 0

    assert snapshots.read(table) == oracle(taken)
