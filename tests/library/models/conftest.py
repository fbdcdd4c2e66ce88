"""Workspaces with a model store; Spark is needed only where rows are scored or trained on."""

import shutil
from pathlib import Path

import pytest

from lakehouse.settings import Settings
from lakehouse.workspace import Workspace


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store without models, made once: its migrations take longer than all that a test does with it."""
    from lakehouse.models.store import open_store, store_file

    workspace = Workspace(Settings(home=tmp_path_factory.mktemp("store")))
    open_store(workspace).search_experiments()
    return store_file(workspace)


@pytest.fixture
def bare(tmp_path: Path) -> Workspace:
    """A workspace with nothing in it."""
    return Workspace(Settings(home=tmp_path / "home", project=tmp_path))


@pytest.fixture
def store(bare: Workspace, empty_store: Path) -> Workspace:
    """A workspace with an empty model store of its own."""
    from lakehouse.models.store import store_file

    file = store_file(bare)
    file.parent.mkdir(parents=True)
    shutil.copy(empty_store, file)
    return bare
