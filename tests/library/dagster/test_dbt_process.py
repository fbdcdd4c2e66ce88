"""The manifest of a dbt project is that of its files as they are. Needs no server: dbt parses without one."""

import sys
from pathlib import Path

import pytest

from lakehouse.dagster.dbt_process import _watched, manifest_of, parsed_manifest
from lakehouse.errors import ServiceError
from lakehouse.scaffold.project.new_project import new_project
from lakehouse.settings import Settings
from lakehouse.workspace import Workspace


def dbt_project(folder: Path, *models: str) -> Path:
    dbt = new_project(folder, "shop") / "dbt_project"
    for model in models:
        (dbt / "models/gold" / f"{model}.sql").write_text("select 1 as one")
    return dbt


def names(manifest: dict[str, dict[str, dict[str, str]]]) -> set[str]:
    return {node["name"] for node in manifest["nodes"].values()}


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(Settings(home=tmp_path / "home", project=tmp_path))


@pytest.mark.slow
def test_two_projects_of_one_workspace_have_their_own(workspace: Workspace, tmp_path: Path):
    first, second = dbt_project(tmp_path / "a", "north"), dbt_project(tmp_path / "b", "south")

    assert names(manifest_of(workspace, first)) == {"north"}
    assert names(manifest_of(workspace, second)) == {"south"}
    assert names(manifest_of(workspace, first)) == {"north"}


def test_a_model_that_is_gone_is_gone_from_it(workspace: Workspace, tmp_path: Path):
    folder = dbt_project(tmp_path / "a", "north", "south")
    manifest_of(workspace, folder)

    (folder / "models/gold/south.sql").unlink()
    assert parsed_manifest(workspace, folder) is None

    assert names(manifest_of(workspace, folder)) == {"north"}


def test_dbt_ends_with_the_engine_that_is_taken_down_under_it(workspace: Workspace):
    forever = [sys.executable, "-c", "import signal; signal.pause()"]

    with pytest.raises(ServiceError, match="taken down"):
        _watched(workspace, forever, {})

    assert _watched(workspace, [sys.executable, "-c", "raise SystemExit(3)"], {}) == 3
