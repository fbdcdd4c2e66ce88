"""A warehouse in a folder with an apostrophe and a blank: tables are made, written, read, registered and repaired."""

import shutil
import uuid
from pathlib import Path
from typing import Any

import pytest

from lakehouse.declare.sql_text import create_database, location
from lakehouse.declare.write_modes import Merge
from lakehouse.delta.history import open_table, version_of
from lakehouse.errors import SettingsError
from lakehouse.maintenance.repair_log import repair
from lakehouse.schema.apply import apply, plan
from lakehouse.schema.create import ddl
from lakehouse.settings import load
from lakehouse.workspace import Workspace
from tests.library.door import Door

AWKWARD = "it's a warehouse"


@pytest.fixture
def awkward(workspace: Workspace, spark: Any, tmp_path: Path) -> Door:
    """A door to tables of the session's server that lie in a warehouse of their own, under the same lease."""
    root = tmp_path / AWKWARD
    shutil.copytree(f"{workspace.warehouse}/_lease", root / "_lease")
    return Door(Workspace(workspace.settings.model_copy(update={"warehouse": str(root)})), spark, tmp_path)


def test_tables_live_in_a_folder_with_an_apostrophe(awkward: Door):
    table = awkward.table(Merge(on=("id",)))
    folder = awkward.workspace.table_path(table.name)
    awkward.spark.sql(f"{ddl(table)} {location(folder)}")
    awkward.write(table, awkward.rows((1, "a", 1, None), (2, "b", 2, None)))
    awkward.write(table, awkward.rows((2, "c", 3, None)))

    assert awkward.read(table.name) == [(1, "a", 1), (2, "c", 3)]
    assert plan(awkward.workspace, [table]) == []

    # The catalogue forgets it, and finds its files again.
    awkward.spark.sql(f"DROP TABLE {table.name}")
    assert [change.kind for change in apply(awkward.connection, table).done] == ["register table"]
    assert awkward.read(table.name) == [(1, "a", 1), (2, "c", 3)]

    # Its log is torn, and goes back to the last good version.
    latest = version_of(awkward.workspace, table.name)
    Path(folder, "_delta_log", f"{latest:020d}.json").write_bytes(b"")
    shutil.rmtree(Path(awkward.workspace.warehouse, "_lease"))
    assert repair(awkward.workspace, table.name).to == latest - 1
    assert open_table(awkward.workspace, table.name).to_pyarrow_table().num_rows == 2
    awkward.spark.sql(f"DROP TABLE {table.name}")


def test_a_database_lies_where_it_is_said(spark: Any, tmp_path: Path):
    name, folder = f"layer_{uuid.uuid4().hex[:8]}", tmp_path / AWKWARD / "back\\slash"

    spark.sql(create_database(name, str(folder)))

    assert spark.catalog.getDatabase(name).locationUri.endswith(f"/{AWKWARD}/back\\slash")
    spark.sql(f"DROP DATABASE {name}")


@pytest.mark.parametrize("variable", ["LAKEHOUSE_WAREHOUSE", "LAKEHOUSE_HOME"])
@pytest.mark.parametrize("folder", ["back\\slash", "per%20cent"])
def test_a_folder_in_which_no_table_can_be_read_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, variable: str, folder: str
):
    monkeypatch.setenv(variable, str(tmp_path / folder))

    with pytest.raises(SettingsError, match=f"{variable} is .*Name another folder"):
        load()


def test_a_folder_with_blanks_and_apostrophes_is_taken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("LAKEHOUSE_WAREHOUSE", str(tmp_path / AWKWARD))

    assert load().warehouse == str(tmp_path / AWKWARD)
