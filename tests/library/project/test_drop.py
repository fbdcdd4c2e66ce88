"""A table out of the warehouse and back, and what a crash between two steps leaves. All tests share one table."""

import json
import shutil
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession
from typer.testing import CliRunner, Result

from lakehouse.answers.loss import loss_of
from lakehouse.cli import load_groups
from lakehouse.declare.table import Table, quarantine_of
from lakehouse.declare.write_modes import Merge
from lakehouse.delta.history import history, open_table
from lakehouse.delta.tables import Tables
from lakehouse.errors import LakehouseError
from lakehouse.maintenance import drop as steps
from lakehouse.project import drops
from lakehouse.schema.dropped import dropped, folder_of, unfinished
from lakehouse.schema.missing import missing
from lakehouse.workspace import Workspace
from lakehouse.write.batch import Batch
from lakehouse.write.door import write
from lakehouse.write.intent import intent_place
from lakehouse.write.position import last_position
from lakehouse.write.quarantine import counts
from tests.library.door import Door
from tests.library.faults.steps import Gap, at
from tests.library.project.declared_project import declaring

AT = datetime(2026, 1, 1)
STEPS = "lakehouse.maintenance.drop"


@pytest.fixture(scope="module")
def own(workspace: Workspace, spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    """The door of a project that declares nothing; the command works on it."""
    project = tmp_path_factory.mktemp("project")
    with pytest.MonkeyPatch.context() as patch, declaring(project):
        patch.setenv("LAKEHOUSE_PROJECT", str(project))
        yield Door(workspace, spark, project)


@pytest.fixture(scope="module")
def stored(own: Door) -> Table:
    """A table of two versions with rows, a row in quarantine, and a position. Each test leaves it as it was."""
    table = own.table(Merge(on=("id",)))
    own.suite(table, {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "name", "mostly": 0.1}})
    own.write(table, own.rows((1, "a", 1, AT), (2, None, 2, AT)))
    own.write(table, own.rows((3, "c", 3, AT)))
    return table


@pytest.fixture(scope="module")
def before(own: Door, stored: Table) -> Any:
    """All that is to be as it was after each test."""
    return state(own, stored.name)


def command(*arguments: str) -> Result:
    return CliRunner().invoke(load_groups(), arguments)


def in_catalogue(door: Door, name: str) -> list[str]:
    """What the metastore, which Trino asks too, has under this name: its provider and its place."""
    layer, _, entity = name.partition(".")
    rows = door.spark.sql(f"SHOW TABLE EXTENDED IN {layer} LIKE '{entity}'").collect()
    lines = [line for row in rows for line in row["information"].splitlines()]
    return [line for line in lines if line.startswith(("Provider:", "Location:"))]


def state(door: Door, name: str) -> Any:
    """All that a restore must bring back."""
    workspace = door.workspace
    versions = [(commit.version, commit.note) for commit in history(workspace, name)]
    position = last_position(workspace, name, open_table(workspace, name))
    return versions, position, counts(workspace, name), in_catalogue(door, name), door.read(name)


def test_a_table_is_dropped_and_comes_back_as_it_was(own: Door, stored: Table, before: Any):
    workspace, name, quarantine = own.workspace, stored.name, quarantine_of(stored.name)
    reader, batch = own.table(), Batch("run", "batch", inputs={"raw": 2}, sources={"raw": name})
    write(Tables(workspace), own.spark, reader, own.rows((1, "a", 1, AT)), batch)

    refused = command("drop", name, "--yes")
    assert str(refused.exception).splitlines()[:2] == [
        f"{name} was not dropped, it stays at version 2.",
        f"  {reader.name} has read it, and is not declared by this project: another project's?",
    ]
    asked = command("drop", name, "--force", "--json")
    loss = json.loads(asked.output)
    assert (asked.exit_code, loss["dropped"], loss["read_up_to"]) == (2, None, [{"reader": reader.name, "until": 2}])
    assert (loss["rows"], loss["version"], loss["quarantined"]["waiting"]) == (2, 2, 1)

    done = command("drop", name, "--force", "--yes")
    assert (done.exit_code, done.output.splitlines()[0].split(", ")[:3]) == (
        0,
        [f"{name}: version 2", "2 rows", "3 versions"],
    )
    assert in_catalogue(own, name) == in_catalogue(own, quarantine) == []
    assert not Path(workspace.table_path(name)).exists()
    assert not Path(workspace.table_path(quarantine)).exists()
    assert str(command("drop", name).exception) == (
        f"{name} is dropped already. `lakehouse restore {name}` brings it back."
    )
    assert name in command("restore").output
    with pytest.raises(LakehouseError, match=f"did you mean `{name}`"):
        drops.restore(f"{name}s", workspace=workspace)

    back = command("restore", name)
    assert (back.exit_code, back.output.startswith(f"{name} is back at version 2")) == (0, True)
    assert state(own, name) == before
    assert (dropped(workspace, name), in_catalogue(own, quarantine)[0]) == ([], "Provider: delta")


def test_a_table_that_was_begun_anew_keeps_the_dropped_one_apart(own: Door, stored: Table, before: Any):
    workspace, name = own.workspace, stored.name
    old = drops.drop(name, force=True, workspace=workspace)
    own.write(stored, own.rows((9, "z", 9, AT)))

    with pytest.raises(LakehouseError, match="something in its place again"):
        drops.restore(name, workspace=workspace)
    new = drops.drop(name, force=True, workspace=workspace)
    with pytest.raises(LakehouseError, match=f"has no drop 1. It has {new.id}, {old.id}"):
        drops.restore(name, drop_id="1", workspace=workspace)
    assert command("restore", name, "--id", old.id).exit_code == 0

    # What is purged is gone, and nothing else.
    assert command("drop", name, "--purge").output == "Nothing was dropped more than 7 days ago.\n"
    would = command("drop", name, "--purge", "--older-than", "0")
    assert (would.exit_code, "Nothing was done" in would.output) == (2, True)
    assert folder_of(Path(workspace.warehouse), new).exists()
    assert command("drop", name, "--purge", "--older-than", "0", "--yes").exit_code == 0
    assert not folder_of(Path(workspace.warehouse), new).parent.exists()
    assert state(own, name) == before


class CutOffError(Exception):
    """The process would be gone here."""


def cut_off(step: str, number: int, act: Callable[[], object]) -> None:
    """Do something that ends right after a step was done for the given time; the first one is 1."""
    done: list[str] = []

    def end() -> None:
        done.append(step)
        if len(done) == number:
            raise CutOffError

    undo = at(Gap(STEPS, step), end)
    try:
        with pytest.raises(CutOffError):
            act()
    finally:
        undo()


class Small:
    """A table of which two things are stored, its folder and a decision, without locks and graph."""

    def __init__(self, own: Door) -> None:
        self.own, self.workspace, self.table = own, own.workspace, own.table()
        self.name, self.folder = self.table.name, Path(own.workspace.table_path(self.table.name))
        own.spark.sql(f"CREATE TABLE {self.name} USING DELTA AS SELECT 1L AS id")
        self.decision = Path(self.workspace.warehouse) / intent_place(self.name)
        self.decision.parent.mkdir(exist_ok=True)
        self.decision.write_text("{}")
        self.registered = in_catalogue(own, self.name)

    def drop(self) -> None:
        begun = unfinished(self.workspace, self.name)
        if begun is None or steps.finish(self.workspace, self.own.spark, begun) is None:
            steps.set_aside(self.workspace, self.own.spark, drops._record(loss_of(self.workspace, self.name)))

    def restore(self) -> None:
        steps.bring_back(self.workspace, self.own.spark, drops._chosen(self.workspace, self.name, None))

    @property
    def is_whole(self) -> bool:
        is_there = self.decision.exists() and self.folder.exists() and not dropped(self.workspace, self.name)
        return is_there and in_catalogue(self.own, self.name) == self.registered

    @property
    def is_gone(self) -> bool:
        is_there = self.decision.exists() or self.folder.exists() or in_catalogue(self.own, self.name)
        return [record.state for record in dropped(self.workspace, self.name)] == ["dropped"] and not is_there


@pytest.fixture(scope="module")
def small(own: Door) -> Small:
    return Small(own)


@pytest.mark.slow
def test_a_drop_that_is_cut_off_is_undone_by_a_restore(small: Small):
    for step, number in (("save", 1), ("move", 1), ("move", 2), ("unregister", 1)):
        cut_off(step, number, small.drop)
        assert small.folder.exists() or "was cut off; its rows are in" in str(missing(small.workspace, small.table))
        small.restore()
        assert small.is_whole, (step, number)


@pytest.mark.slow
def test_a_drop_that_is_cut_off_is_finished_by_a_drop_whose_restore_is_cut_off_and_finished(small: Small):
    restored = (("save", 1), ("move", 1), ("move", 2), ("register", 1))
    for step, cut in zip((("save", 1), ("move", 1), ("move", 2), ("unregister", 1)), restored, strict=True):
        cut_off(*step, small.drop)
        small.drop()
        assert small.is_gone, step
        cut_off(*cut, small.restore)
        assert unfinished(small.workspace, small.name), cut
        small.restore()
        assert small.is_whole, cut


@pytest.mark.slow
def test_a_restore_that_is_cut_off_is_undone_by_a_drop(small: Small):
    small.drop()
    for step, number in (("save", 1), ("move", 1), ("move", 2), ("register", 1)):
        cut_off(step, number, small.restore)
        small.drop()
        assert small.is_gone, (step, number)
    small.restore()
    assert small.is_whole


def test_a_purge_that_is_cut_off_is_finished_and_never_restored(small: Small):
    small.drop()
    (record,) = dropped(small.workspace, small.name)
    cut_off("delete_folder", 1, lambda: drops.purge(small.workspace, [record]))

    with pytest.raises(LakehouseError, match=f"no drop of {small.name} is kept"):
        drops.restore(small.name, workspace=small.workspace)
    drops.purge(small.workspace, drops.due(small.workspace, small.name))
    assert dropped(small.workspace, small.name) == []


def test_a_name_in_the_catalogue_without_files_is_taken_out(own: Door):
    table = own.table()
    own.spark.sql(f"CREATE TABLE {table.name} (id bigint) USING DELTA")
    shutil.rmtree(own.workspace.table_path(table.name))

    assert "only the catalogue has its name" in command("drop", table.name, "--yes").output
    assert (in_catalogue(own, table.name), dropped(own.workspace, table.name)) == ([], [])
