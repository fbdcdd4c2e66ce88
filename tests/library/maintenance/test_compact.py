"""Compaction after publishes: the same rows, no news to anybody, and nothing lost where it is cut short or fails."""

import random
import shutil
import threading
import uuid
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest

from lakehouse.answers.version import explain
from lakehouse.declare.column import Column
from lakehouse.declare.table import Foreign, Table, deleted_of, quarantine_of
from lakehouse.declare.write_modes import Append, Merge
from lakehouse.delta.history import history, last_note, open_table, version_of
from lakehouse.delta.tables import Tables
from lakehouse.engine.session import Connection
from lakehouse.maintenance import keep_up
from lakehouse.runs.replay import replay
from lakehouse.runs.run import run
from lakehouse.write.intent import open_intent
from lakehouse.write.quarantine import counts
from lakehouse.write.retry import retried
from tests.library.door import Door, only
from tests.library.maintenance.limits import FEW

MERGE = Merge(("id",), ("sent_at",), delete_when="name = 'gone'")
DELETED = Column("_is_deleted", "boolean", "Whether the row is no more")
POSITIVE = {
    "type": "expect_column_values_to_be_between",
    "kwargs": {"column": "value", "min_value": 0, "mostly": 0.1},
    "severity": "critical",
    "meta": {},
}


def merged(door: Door) -> Table:
    return replace(door.table(MERGE), properties=(("delta.enableDeletionVectors", "true"),))


def fill(door: Door, table: Table, batches: int = 4, seed: int = 7) -> None:
    """Small batches of new, changed and deleted keys."""
    dice = random.Random(seed)  # noqa: S311 - rows of a test
    for batch in range(batches):
        ids = dice.sample(range(60), 15)
        at = datetime(2026, 1, 1, 0, seed, batch, tzinfo=UTC)
        door.write(table, door.rows(*((i, dice.choice(["a", "b", "gone"]), dice.randrange(9), at) for i in ids)))


def files(door: Door, name: str) -> int:
    delta = open_table(door.workspace, name)
    assert delta is not None
    return len(delta.file_uris())


def compact(door: Door, *names: str) -> tuple[str, ...]:
    return keep_up(Tables(door.workspace), door.spark, *names, limits=FEW)


@pytest.mark.parametrize("mode", [MERGE, Append()], ids=["merge", "append"])
def test_rows_are_the_same_in_fewer_files_by_a_commit_that_says_so(door: Door, mode: Any):
    table = replace(merged(door), write=mode)
    fill(door, table)
    rows, many, version = door.read(table.name), files(door, table.name), version_of(door.workspace, table.name)

    told = compact(door, table.name, quarantine_of(table.name), deleted_of(table.name))

    assert (told, door.read(table.name)) == ((), rows)
    assert files(door, table.name) == 1 < many
    latest = history(door.workspace, table.name)[0]
    assert (latest.version, latest.operation) == (version + 1, "OPTIMIZE")
    assert latest.note.upkeep.files == many
    assert last_note(open_table(door.workspace, table.name)).run
    assert explain(door.workspace, table.name).upkeep == latest.note.upkeep.to_json()
    assert compact(door, table.name) == ()
    assert version_of(door.workspace, table.name) == version + 1


def test_the_next_commit_does_not_carry_the_note(door: Door):
    table = door.table()
    fill(door, table)
    compact(door, table.name)
    door.spark.sql(f"DELETE FROM {table.name} WHERE id < 3")

    assert history(door.workspace, table.name)[0].note is None


def follower(mode: Any = None) -> Table:
    columns = (Column("id", "bigint", "Key"), Column("name", "string", "x"), Column("value", "int", "x"))
    return Table(f"silver.f_{uuid.uuid4().hex[:10]}", columns=columns, grain="x", write=mode or Merge(("id",)))


@pytest.mark.slow
def test_readers_take_it_for_no_news_and_miss_nothing_across_it(door: Door):
    source = merged(door)
    fill(door, source)
    readers = {
        follower(Merge(("id",), delete_when="_is_deleted", signals=(DELETED,))): source.changes(deletes=True),
        follower(): source,
        follower(Merge(("id",))): Foreign(source.name),
    }

    def make() -> list[Any]:
        columns = ("id", "name", "value")
        return [
            run(
                door.connection,
                target,
                lambda raw: raw.select(*columns, *(c for c in raw.columns if c == "_is_deleted")),
                {"raw": read},
                code="same",
            )
            for target, read in readers.items()
        ]

    make()
    compact(door, source.name)
    assert [done.unchanged for done in make()] == [True, True, True]

    before = {row[0]: row for row in door.read(source.name)}
    fill(door, source, seed=8)
    compact(door, source.name)
    after = {row[0]: row for row in door.read(source.name)}
    changed = {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}
    first = make()[0]

    assert first.rows_in >= len(changed)
    assert door.read(next(iter(readers)).name) == sorted(after.values())
    assert [done.unchanged for done in make()] == [True, True, True]


def test_the_feed_across_it_has_the_changed_rows_alone(door: Door):
    table = merged(door)
    fill(door, table)
    since = version_of(door.workspace, table.name)
    compact(door, table.name)
    at = datetime(2026, 2, 1, tzinfo=UTC)
    door.write(table, door.rows((1000, "new", 1, at)))
    door.write(table, door.rows((1000, "newer", 2, at.replace(second=1))))
    compact(door, table.name)

    latest = version_of(door.workspace, table.name)
    feed = door.spark.sql(f"SELECT id, name, _change_type FROM table_changes('{table.name}', {since + 1}, {latest})")

    assert sorted(map(tuple, feed.collect())) == [
        (1000, "new", "delete"),
        (1000, "new", "insert"),
        (1000, "newer", "insert"),
    ]


def test_a_plain_table_is_read_after_vacuum_has_taken_the_files_of_before(door: Door):
    source, target = door.table(), follower()
    fill(door, source)
    filled = version_of(door.workspace, source.name)
    compact(door, source.name)
    open_table(door.workspace, source.name).vacuum(
        retention_hours=0, enforce_retention_duration=False, dry_run=False, full=True
    )

    done = run(
        door.connection, target, lambda raw: raw.dropDuplicates(["id"]).drop("sent_at"), {"raw": source}, code="x"
    )

    assert {row[0] for row in door.read(target.name)} == {row[0] for row in door.read(source.name)}
    note = history(door.workspace, target.name)[0].note
    assert note.inputs == {"raw": filled}
    assert done.published > 0


def test_waiting_rows_are_counted_and_replayed_across_it(door: Door):
    table = door.table()
    door.suite(table, POSITIVE)
    for number in range(4):
        door.write(table, door.rows((number, "good", 1, None), (100 + number, "bad", -1, None)))
    before = counts(door.workspace, table.name)

    assert compact(door, quarantine_of(table.name)) == ()

    assert files(door, quarantine_of(table.name)) == 1
    assert counts(door.workspace, table.name) == before == only(waiting=4)
    door.suite(table)
    replay(door.connection, table)
    assert counts(door.workspace, table.name)["replayed"] == 4
    assert len(door.read(table.name)) == 8


class Killed(BaseException):
    """The process ends here."""


def test_a_kill_between_publish_and_upkeep_loses_nothing_and_the_next_publish_does_it(
    door: Door, monkeypatch: pytest.MonkeyPatch
):
    def killed(*_: Any) -> tuple[str, ...]:
        raise Killed

    table = door.table()
    fill(door, table)
    monkeypatch.setattr("lakehouse.write.door.keep_up", killed)
    with pytest.raises(Killed):
        door.write(table, door.rows((500, "x", 1, None)))
    assert open_intent(door.workspace, table.name) is None
    assert (500, "x", 1) in door.read(table.name)

    monkeypatch.setattr("lakehouse.write.door.keep_up", partial(keep_up, limits=FEW))
    door.write(table, door.rows((501, "y", 1, None)))

    assert history(door.workspace, table.name)[0].operation == "OPTIMIZE"
    assert [row for row in door.read(table.name) if row[0] >= 500] == [(500, "x", 1), (501, "y", 1)]


def test_what_fails_is_told_and_undoes_nothing(door: Door, monkeypatch: pytest.MonkeyPatch):
    def fails(*_: Any) -> None:
        raise OSError("secret of row 5")

    monkeypatch.setattr("lakehouse.write.door.keep_up", partial(keep_up, limits=FEW))
    monkeypatch.setattr("lakehouse.maintenance.compact.compact", fails)
    table = door.table()
    fill(door, table, batches=3)
    done = door.write(table, door.rows((500, "x", 1, None)))

    assert done.messages == (
        f"Upkeep of {table.name} was not done (OSError). All rows are there and what was published stays; "
        f"the next publish of the table tries again.",
    )
    assert (done.published, done.version) == (1, version_of(door.workspace, table.name))


def test_an_engine_that_refuses_is_told_by_its_condition(door: Door):
    table = door.table()
    fill(door, table)
    unknown = f"{table.name}_unknown"
    shutil.copytree(door.workspace.table_path(table.name), door.workspace.table_path(unknown))

    (told,) = compact(door, unknown)

    assert "(DELTA_TABLE_NOT_FOUND)" in told or "(TABLE_OR_VIEW_NOT_FOUND)" in told


@pytest.mark.slow
def test_a_rival_that_commits_meanwhile_is_not_undone(door: Door):
    table = merged(door)
    fill(door, table, batches=6)
    rows = door.read(table.name)
    gone = {row[0] for row in rows[::2]}
    done: list[tuple[str, ...]] = []

    with Connection(door.workspace) as rival:
        rival.session().sql("SELECT 1").collect()
        thread = threading.Thread(target=lambda: done.append(compact(door, table.name)))
        thread.start()
        for key in sorted(gone):
            statement = f"DELETE FROM {table.name} WHERE id = {key}"
            # Whoever comes second is told so, the rival as well.
            retried(table.name, lambda: rival.session().sql(statement).collect())  # noqa: B023 - called at once
        thread.join()

    assert door.read(table.name) == [row for row in rows if row[0] not in gone]
    assert len(done) == 1
    assert all("DELTA_" in line for line in done[0])
