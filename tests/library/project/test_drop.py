"""A table out of the warehouse and back: what is lost, what reads it, and what a crash between two steps leaves."""

import json
import sys
import uuid
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from lakehouse.cli import load_groups
from lakehouse.declare.table import Table, quarantine_of
from lakehouse.declare.write_modes import Merge
from lakehouse.delta.history import history, open_table
from lakehouse.delta.tables import Tables
from lakehouse.errors import LakehouseError
from lakehouse.project import drops
from lakehouse.project.schema import plan
from lakehouse.schema.dropped import dropped, folder_of
from lakehouse.write.batch import Batch
from lakehouse.write.door import write
from lakehouse.write.position import last_position
from lakehouse.write.quarantine import counts
from tests.library.door import Door

AT = datetime(2026, 1, 1)
READER = """
from lakehouse import Column, Foreign, Table, table_asset

THINGS = Table("{reader}", grain="one row per thing", columns=(Column("id", "int", "Key"),))


@table_asset(THINGS, reads={{"raw": Foreign("{name}")}})
def things(raw):
    return raw
"""


@pytest.fixture
def declare(door: Door, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Gives the project of the door one file of assets; the command works on that project."""
    monkeypatch.setenv("LAKEHOUSE_PROJECT", str(door.project))
    monkeypatch.setattr(sys, "path", [*sys.path])
    (door.project / "assets").mkdir()
    (door.project / "assets" / "__init__.py").touch()

    def forget() -> None:
        for name in [name for name in sys.modules if name.partition(".")[0] == "assets"]:
            del sys.modules[name]

    def declare(text: str) -> None:
        forget()
        file = door.project / "assets" / f"things_{uuid.uuid4().hex[:6]}.py"
        for old in file.parent.glob("things_*.py"):
            old.unlink()
        file.write_text(text)

    declare("")
    yield declare
    forget()


@pytest.fixture
def stored(door: Door) -> Table:
    """A table of two versions with rows, a row in quarantine, and a position."""
    table = door.table(Merge(on=("id",)))
    door.suite(table, {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "name", "mostly": 0.1}})
    door.write(table, door.rows((1, "a", 1, AT), (2, None, 2, AT)))
    door.write(table, door.rows((3, "c", 3, AT)))
    return table


def command(*arguments: str) -> Result:
    return CliRunner().invoke(load_groups(), arguments)


def in_catalogue(door: Door, name: str) -> list[str]:
    """What the metastore, which Trino asks too, has under this name: its kind and its place."""
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


def test_a_table_is_dropped_and_comes_back_as_it_was(door: Door, stored: Table, declare: Any):
    workspace, name, reader = door.workspace, stored.name, door.table()
    batch = Batch("run", "batch", inputs={"raw": 2}, sources={"raw": name})
    write(Tables(workspace), door.spark, reader, door.rows((1, "a", 1, AT)), batch)
    before = state(door, name)

    # Declared by nobody, but read: plan does not name it, and a drop is refused.
    declare(READER.format(reader=reader.name, name=name))
    assert name not in [table.table for table in plan(workspace=workspace)]
    refused = command("drop", name, "--yes")
    assert isinstance(refused.exception, LakehouseError)
    assert str(refused.exception).splitlines()[1:2] == [f"  The asset {reader.name} reads it."]
    assert f"{reader.name} has read it up to version 2" in refused.output

    # Neither declared nor read: plan names it without its quarantine, and drop says what would be lost.
    declare("")
    strays = {table.table: table for table in plan(workspace=workspace) if not table.is_declared}
    assert (strays[name].version, quarantine_of(name) in strays, "ops.checks" in strays) == (2, False, False)
    asked = json.loads(command("drop", name, "--force", "--json").output)
    assert (asked["rows"], asked["version"], asked["quarantined"]["waiting"], asked["dropped"]) == (2, 2, 1, None)
    assert state(door, name) == before

    done = command("drop", name, "--force", "--yes")
    assert (done.exit_code, "restore" in done.output) == (0, True)
    assert in_catalogue(door, name) == in_catalogue(door, quarantine_of(name)) == []
    assert not Path(workspace.table_path(name)).exists()
    assert str(command("drop", name).exception) == (
        f"{name} is dropped already. `lakehouse restore {name}` brings it back."
    )
    assert name not in [table.table for table in plan(workspace=workspace)]

    assert name in command("restore").output
    with pytest.raises(LakehouseError, match=f"did you mean `{name}`"):
        drops.restore(f"{name}s", workspace=workspace)
    assert command("restore", name).exit_code == 0
    assert state(door, name) == before
    assert dropped(workspace, name) == []
    assert door.write(stored, door.rows((4, "d", 4, AT))).version == before[0][0][0] + 1
    assert [row[0] for row in door.read(name)] == [1, 3, 4]


def test_a_table_that_was_begun_anew_keeps_the_dropped_one_apart(door: Door, stored: Table, declare: Any):
    workspace, name = door.workspace, stored.name
    before = state(door, name)
    old = drops.drop(name, workspace=workspace)
    door.write(stored, door.rows((9, "z", 9, AT)))

    with pytest.raises(LakehouseError, match="something in its place again"):
        drops.restore(name, workspace=workspace)
    assert [row[0] for row in door.read(name)] == [9]

    new = drops.drop(name, workspace=workspace)
    with pytest.raises(LakehouseError, match=f"has no drop 1. It has {new.id}, {old.id}"):
        drops.restore(name, drop_id="1", workspace=workspace)
    drops.restore(name, drop_id=old.id, workspace=workspace)
    assert state(door, name) == before

    # What is purged is gone, and nothing else.
    assert command("drop", name, "--purge").output == "Nothing was dropped more than 7 days ago.\n"
    would = command("drop", name, "--purge", "--older-than", "0")
    assert (would.exit_code, "Nothing was done" in would.output) == (2, True)
    assert folder_of(Path(workspace.warehouse), new).exists()
    assert command("drop", name, "--purge", "--older-than", "0", "--yes").exit_code == 0
    assert not folder_of(Path(workspace.warehouse), new).parent.exists()
    assert state(door, name) == before
