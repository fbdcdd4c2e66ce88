"""A project that Dagster cannot load: `up` and `status` say so, and why."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from lakehouse.errors import CodeLocationError
from lakehouse.services import down, up
from lakehouse.services.status import ServiceStatus, status
from lakehouse.settings import MetastoreSettings, MlflowSettings, Settings, SparkSettings
from lakehouse.workspace import Workspace

BROKEN = '''"""Raises while it is loaded."""

import dagster as dg


def price() -> int:
    return int("three euros")


defs = dg.Definitions(assets=[price()])
'''


@pytest.fixture
def shop(workspace: Workspace, tmp_path: Path) -> Iterator[Workspace]:
    """A workspace that starts Dagster alone, over a project whose definitions raise."""
    package = tmp_path / "shop" / "orchestration"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "definitions.py").write_text(BROKEN)
    shop = Workspace(
        Settings(
            home=tmp_path / "home",
            project=tmp_path / "shop",
            spark=SparkSettings(remote=workspace.spark_remote),
            metastore=MetastoreSettings(uri=workspace.metastore_uri),
            mlflow=MlflowSettings(url="http://127.0.0.1:1"),
        )
    )
    try:
        yield shop
    finally:
        down(shop)


def dagster_of(workspace: Workspace) -> ServiceStatus:
    [dagster] = [entry for entry in status(workspace) if entry.name == "dagster"]
    return dagster


def test_up_ui_and_status_say_why_a_project_does_not_load_until_it_does(shop: Workspace):
    with pytest.raises(CodeLocationError) as refused:
        up(shop, ["ui"])

    assert "ValueError: invalid literal for int() with base 10: 'three euros'" in str(refused.value)
    assert "at orchestration/definitions.py, line 7" in str(refused.value)
    assert shop.dagster_url in str(refused.value)
    broken = dagster_of(shop)
    assert (broken.state, broken.is_healthy) == ("project not loaded", False)
    assert "orchestration/definitions.py, line 7" in broken.note

    mended = BROKEN.replace("assets=[price()]", "")
    (shop.settings.project / "orchestration" / "definitions.py").write_text(mended)
    up(shop, ["ui"])

    assert (dagster_of(shop).state, dagster_of(shop).pid) == ("up", broken.pid)
