"""The manifest of a dbt project is that of its files as they are. Needs no server: dbt parses without one."""

from pathlib import Path

import pytest

from lakehouse.dagster.dbt_process import manifest_of
from lakehouse.settings import Settings
from lakehouse.workspace import Workspace
from tests.conftest import ROOT


def dbt_project(folder: Path, *models: str) -> Path:
    (folder / "models").mkdir(parents=True)
    (folder / "profiles.yml").write_bytes((ROOT / "dbt_project/profiles.yml").read_bytes())
    (folder / "dbt_project.yml").write_text("{name: shop, version: 1.0.0, profile: lakehouse}")
    for model in models:
        (folder / "models" / f"{model}.sql").write_text("select 1 as one")
    return folder


def names(manifest: dict[str, dict[str, dict[str, str]]]) -> set[str]:
    return {node["name"] for node in manifest["nodes"].values()}


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(Settings(home=tmp_path / "home", project=tmp_path))


def test_two_projects_of_one_workspace_have_their_own(workspace: Workspace, tmp_path: Path):
    first, second = dbt_project(tmp_path / "a", "north"), dbt_project(tmp_path / "b", "south")

    assert names(manifest_of(workspace, first)) == {"north"}
    assert names(manifest_of(workspace, second)) == {"south"}
    assert names(manifest_of(workspace, first)) == {"north"}


def test_a_model_that_is_gone_is_gone_from_it(workspace: Workspace, tmp_path: Path):
    folder = dbt_project(tmp_path / "a", "north", "south")
    manifest_of(workspace, folder)

    (folder / "models/south.sql").unlink()

    assert names(manifest_of(workspace, folder)) == {"north"}
