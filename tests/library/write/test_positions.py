"""What changed since: positions that outlive log cleanup and VACUUM, deletes, lost feeds, and nothing to do."""

import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from lakehouse.declare.column import Column
from lakehouse.declare.table import Table, quarantine_of
from lakehouse.declare.write_modes import Append, Merge, Overwrite, Scd2
from lakehouse.delta.history import history, open_table, version_of
from lakehouse.delta.row_changes import last_row_change
from lakehouse.delta.tables import Tables
from lakehouse.engine.statement import with_settings
from lakehouse.errors import DeclarationDiffersError
from lakehouse.runs.run import run
from lakehouse.sources.kinds import load, position_of
from lakehouse.sources.source import ReadContext
from lakehouse.write.batch import Published
from lakehouse.write.position import FOLDER, last_position
from tests.library.door import COLUMNS, Door


def as_it_is(raw: Any) -> Any:
    return raw


def make(door: Door, table: Table, reads: Mapping[str, Any], transform: Any = as_it_is) -> Published:
    return run(door.connection, table, transform, reads, code="the same")


def follower(mode: Any = None, columns: tuple[Column, ...] = COLUMNS) -> Table:
    return Table(f"silver.f_{uuid.uuid4().hex[:10]}", columns=columns, grain="x", write=mode or Append())


def forget_log(door: Door, table: Table) -> None:
    """What log cleanup leaves: a checkpoint and what came after it."""
    delta = open_table(door.workspace, table.name)
    delta.create_checkpoint()
    for file in (Path(door.workspace.table_path(table.name)) / "_delta_log").glob("*.json"):
        if file.stem.isdecimal() and int(file.stem) < delta.version():
            file.unlink()


def vacuum(door: Door, table: Table) -> None:
    """VACUUM without retention, as after a long time. delta-rs' own would take deletion vectors that are in use."""
    with with_settings(door.spark, {"spark.databricks.delta.retentionDurationCheck.enabled": "false"}):
        door.spark.sql(f"VACUUM {table.name} RETAIN 0 HOURS")


def test_a_second_run_reads_only_what_is_new_and_a_third_nothing(door: Door):
    source, target = door.table(), follower()
    door.write(source, door.rows((1, "a", 1, None)))
    make(door, target, {"raw": source.changes()})
    door.write(source, door.rows((2, "b", 2, None)))

    second = make(door, target, {"raw": source.changes()})
    third = make(door, target, {"raw": source.changes()})

    assert (second.rows_in, second.published) == (1, 1)
    assert third.unchanged
    assert third.version == second.version == version_of(door.workspace, target.name)
    note = history(door.workspace, target.name)[0].note
    assert (note.since, note.inputs) == ({"raw": 1}, {"raw": 2})


def test_the_position_survives_log_cleanup_and_vacuum(door: Door):
    source, target = door.table(), follower()
    door.write(source, door.rows((1, "a", 1, None)))
    make(door, target, {"raw": source.changes()})
    # Another writer's commits, so that the newest entries of the log say nothing.
    for _ in range(3):
        door.spark.sql(f"ALTER TABLE {target.name} SET TBLPROPERTIES ('team' = 'x')")
    forget_log(door, target)
    vacuum(door, target)
    delta = open_table(door.workspace, target.name)

    assert not [commit for commit in history(door.workspace, target.name) if commit.note]
    assert last_position(door.workspace, target.name, delta).note.inputs == {"raw": 1}
    assert make(door, target, {"raw": source.changes()}).unchanged
    door.write(source, door.rows((2, "b", 2, None)))
    assert make(door, target, {"raw": source.changes()}).rows_in == 1
    assert door.read(target.name) == [(1, "a", 1), (2, "b", 2)]


def test_a_position_that_a_crash_left_behind_is_not_believed(door: Door):
    source, target = door.table(), follower()
    door.write(source, door.rows((1, "a", 1, None)))
    make(door, target, {"raw": source.changes()})
    folder = Path(door.workspace.table_path(target.name)) / FOLDER
    (folder / "2.json").write_text((folder / "1.json").read_text().replace('"raw": 1', '"raw": 99'))

    delta = open_table(door.workspace, target.name)

    assert last_position(door.workspace, target.name, delta).note.inputs == {"raw": 1}


@pytest.mark.slow
@pytest.mark.parametrize("loss", [forget_log, vacuum])
def test_where_the_feed_is_gone_all_is_read_and_one_line_says_so(door: Door, loss: Any, at: Any):
    mode = Merge(on=("id",), sequence=("sent_at",))
    source, target = door.table(mode), follower(mode)
    door.write(source, door.rows((1, "a", 1, at(1)), (2, "b", 2, at(1))))
    make(door, target, {"raw": source.changes()})
    door.write(source, door.rows((1, "A", 3, at(2))))
    door.write(source, door.rows((1, "AA", 4, at(3))))
    loss(door, source)

    done = make(door, target, {"raw": source.changes()})

    assert door.read(target.name) == [(1, "AA", 4), (2, "b", 2)]
    (line,) = done.messages
    version = last_row_change(open_table(door.workspace, source.name))
    assert line.endswith(
        f"All of it is read, at version {version}. The rows of {target.name} are replaced in one commit."
    )
    assert source.name in line


def test_an_appending_table_is_replaced_where_all_is_read_again(door: Door):
    source, target = door.table(), follower()
    door.suite(
        target,
        {
            "type": "expect_column_values_to_be_between",
            "kwargs": {"column": "value", "max_value": 10, "mostly": 0.1},
            "severity": "critical",
        },
    )
    door.write(source, door.rows((1, "a", 1, None), (5, "bad", 50, None)))
    make(door, target, {"raw": source.changes()})
    door.write(source, door.rows((2, "b", 2, None)))
    door.write(source, door.rows((3, "c", 3, None)))
    forget_log(door, source)

    done = make(door, target, {"raw": source.changes()})

    assert door.read(target.name) == [(1, "a", 1), (2, "b", 2), (3, "c", 3)]
    (line,) = done.messages
    assert line == (
        f"The log of {source.name} does not have version 2 any more: the changes since 1 are lost. All of it is read, "
        f"at version 3. The rows of {target.name} are replaced in one commit."
    )
    states = door.spark.table(quarantine_of(target.name)).groupBy("_state").count().collect()
    assert {row[0]: row[1] for row in states} == {"discarded": 1, "waiting": 1}


@pytest.mark.slow
def test_deletes_travel_where_they_are_asked_for(door: Door):
    mark = (Column("_is_deleted", "boolean", "Whether the row was deleted"),)
    mode = Merge(on=("id",), delete_when="_is_deleted", signals=mark)
    source = door.table(Merge(on=("id",)))
    target, kept = follower(mode), follower(Merge(on=("id",)))
    reads = {target.name: {"raw": source.changes(deletes=True)}, kept.name: {"raw": source.changes()}}
    door.write(source, door.rows((1, "a", 1, None), (2, "b", 2, None)))
    for table in (target, kept):
        make(door, table, reads[table.name])
    door.spark.sql(f"DELETE FROM {source.name} WHERE id = 1")
    door.write(source, door.rows((3, "c", 3, None)))
    door.spark.sql(f"UPDATE {source.name} SET value = 20 WHERE id = 2")
    door.spark.sql(f"DELETE FROM {source.name} WHERE id = 3")

    for table in (target, kept):
        make(door, table, reads[table.name])

    assert door.read(target.name) == [(2, "b", 20)]
    assert door.read(kept.name) == [(1, "a", 1), (2, "b", 20)]


def test_a_key_that_changed_many_times_comes_once_with_its_last_state(door: Door):
    source = door.table(Merge(on=("id",)))
    for value in range(4):
        door.write(source, door.rows((1, "a", value, None)))
    context = ReadContext(Tables(door.workspace), lambda: door.spark, "silver.reader", "b")

    frame = load(source.changes(), context, 1, position_of(source.changes(), context))

    assert [row["value"] for row in frame.collect()] == [3]


def test_changes_of_a_history_carry_its_columns(door: Door, at: Any):
    source = follower(Scd2(on=("id",), sequence=("sent_at",)))
    door.write(source, door.rows((1, "a", 1, at(1))))
    door.write(source, door.rows((1, "b", 1, at(2))))
    context = ReadContext(Tables(door.workspace), lambda: door.spark, "silver.reader", "b")

    rows = load(source.changes(), context, 1, 2).select("name", "_is_current").collect()

    assert sorted(tuple(row) for row in rows) == [("a", False), ("b", True)]


def test_a_snapshot_is_pinned_at_the_version_of_the_start(door: Door):
    source, target = door.table(), follower(Overwrite())
    door.write(source, door.rows((1, "a", 1, None)))

    def meanwhile(raw: Any) -> Any:
        door.write(source, door.rows((2, "b", 2, None)))
        return raw

    done = make(door, target, {"raw": source}, meanwhile)

    assert door.read(target.name) == [(1, "a", 1)]
    assert history(door.workspace, target.name)[0].note.inputs == {"raw": 1}
    assert done.published == 1


def test_a_table_other_than_declared_is_refused_before_anything_is_read(door: Door):
    source, target = door.table(), follower(Overwrite())
    door.write(source, door.rows((1, "a", 1, None)))
    make(door, target, {"raw": source})
    wider = Table(target.name, columns=(*COLUMNS, Column("more", "string", "New")), grain="x", write=Overwrite())

    def never(raw: Any) -> Any:
        raise AssertionError("it was read")

    with pytest.raises(DeclarationDiffersError) as error:
        make(door, wider, {"raw": source}, never)

    message = str(error.value)
    assert message.startswith(
        f"{target.name} was not written, it stays at version 1. It is stored otherwise than it is"
    )
    assert message.endswith(
        f"Run `lakehouse plan {target.name}` to see what would change, then `lakehouse apply {target.name}`."
    )
    assert "more" in message
