"""A project that Dagster cannot load: `up` and `status` say so, and why."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

from lakehouse.errors import CodeLocationError, ServiceError
from lakehouse.services import down, up
from lakehouse.services.code_location import load_errors, need_code_location
from lakehouse.services.servers.dagster import make_storage, web_spec
from lakehouse.services.status import ServiceStatus, status
from lakehouse.services.supervise import ports
from lakehouse.services.supervise.spec import Address
from lakehouse.settings import DagsterSettings, MetastoreSettings, MlflowSettings, Settings, SparkSettings
from lakehouse.workspace import Workspace

BROKEN = '''"""Raises while it is loaded."""

import dagster as dg


def price() -> int:
    return int("three euros")


defs = dg.Definitions(assets=[price()])
'''
NAME = "orchestration.definitions"
WHY = "ValueError: invalid literal for int() with base 10: 'three euros'\nat orchestration/definitions.py, line 7"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project whose definitions raise."""
    package = tmp_path / "shop" / "orchestration"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "definitions.py").write_text(BROKEN)
    return tmp_path / "shop"


def mend(project: Path) -> None:
    (project / "orchestration" / "definitions.py").write_text(BROKEN.replace("assets=[price()]", ""))


@pytest.fixture
def web_server(project: Path, tmp_path: Path) -> Iterator[Workspace]:
    """Dagster's web server alone over that project, as the workspace would start it."""
    port = ports.choose(set())
    url = f"http://127.0.0.1:{port}"
    workspace = Workspace(Settings(home=tmp_path / "home", project=project, dagster=DagsterSettings(url=url)))
    make_storage(workspace)
    spec = web_spec(workspace, Address(port))
    with (tmp_path / "dagster.log").open("w") as log:
        server = subprocess.Popen(
            spec.command, cwd=spec.folder, env={**os.environ, **spec.env}, stdout=log, stderr=subprocess.STDOUT
        )
    try:
        answer(url, project)
        yield workspace
    finally:
        server.terminate()
        server.wait(60)


@retry(retry=retry_if_exception_type(ServiceError), stop=stop_after_delay(300), wait=wait_fixed(0.2), reraise=True)
def answer(url: str, project: Path) -> None:
    """Wait until the web server answers."""
    load_errors(url, project)


def test_the_error_and_its_place_are_told_until_the_project_is_mended_and_loaded_anew(web_server: Workspace):
    url, project = web_server.dagster_url, web_server.settings.project

    assert load_errors(url, project) == {NAME: WHY}
    with pytest.raises(CodeLocationError, match="three euros") as refused:
        need_code_location(web_server, was_up=True)
    assert (refused.value.errors, url in str(refused.value)) == ({NAME: WHY}, True)

    mend(project)
    assert load_errors(url, project) == {NAME: WHY}
    need_code_location(web_server, was_up=True)

    assert load_errors(url, project) == {}


@pytest.fixture
def shop(workspace: Workspace, project: Path, tmp_path: Path) -> Iterator[Workspace]:
    """A workspace that starts Dagster's servers alone, over that project."""
    shop = Workspace(
        Settings(
            home=tmp_path / "home",
            project=project,
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


@pytest.mark.slow
def test_up_ui_and_status_say_why_a_project_does_not_load_until_it_does(shop: Workspace):
    with pytest.raises(CodeLocationError) as refused:
        up(shop, ["ui"])

    assert refused.value.errors == {NAME: WHY}
    broken = dagster_of(shop)
    assert (broken.state, broken.is_healthy) == ("project not loaded", False)
    assert "orchestration/definitions.py, line 7" in broken.note

    mend(shop.settings.project)
    up(shop, ["ui"])

    assert (dagster_of(shop).state, dagster_of(shop).pid) == ("up", broken.pid)
