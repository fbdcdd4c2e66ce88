"""The reference project, run once as a user runs it, in a workspace that names somebody else's servers."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from lakehouse.engine.session import Connection
from lakehouse.services import down, up
from lakehouse.settings import load
from lakehouse.workspace import Workspace
from tests.conftest import own_servers

ROWS = 2000


@dataclass(frozen=True)
class Demo:
    """A run of the demo, and what the simulator said must come of it."""

    workspace: Workspace
    environment: dict[str, str]
    printed: str

    @property
    def ledger(self) -> dict[str, Any]:
        return json.loads((self.workspace.settings.project / "landing" / "ledger.json").read_text())

    @property
    def screen(self) -> dict[str, tuple[int, int, int, str]]:
        """Rows, version, quarantined and checks of each table, as the last screen shows them."""
        lines = re.findall(r"│ (\w+\.\w+) +│ (\d+) +│ (\d+) +│ (\d+) +│ (\d+/\d+) +│", self.printed)
        return {
            name: (int(rows), int(version), int(quarantined), checks)
            for name, rows, version, quarantined, checks in lines
        }


def run_demo(environment: dict[str, str]) -> str:
    """Run the demo under a umask that takes no right away, and give what it prints."""
    command = [sys.executable, "-m", "orchestration.demo", "--rows", str(ROWS)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False, umask=0)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def versions(workspace: Workspace) -> dict[str, int]:
    """Every table of every layer, the internal ones too, with its version."""
    from deltalake import DeltaTable

    logs = Path(workspace.warehouse).glob("*/*/_delta_log")
    return {f"{log.parent.parent.name}.{log.parent.name}": DeltaTable(str(log.parent)).version() for log in logs}


@pytest.fixture(scope="session")
def workspace(clean_environment: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """A workspace of the chain's own: its tests count every table's versions, so nobody else may write."""
    with own_servers(Workspace(load().model_copy(update={"home": tmp_path_factory.mktemp("chain")}))) as own:
        yield own


@pytest.fixture(scope="session")
def spark(workspace: Workspace) -> Iterator[SparkSession]:
    """A session on the chain's workspace; the plugin's is one on the run's."""
    with Connection(workspace) as connection:
        yield connection.session()


@pytest.fixture(scope="session")
def sql_layer(workspace: Workspace) -> str:
    """Trino over the chain's workspace; the plugin's is over the run's."""
    up(workspace, ["sql"])
    return workspace.trino_url


@pytest.fixture(scope="session")
def demo(workspace: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    root = Path(__file__).parents[2]
    project = tmp_path_factory.mktemp("project")
    for name in ("data", "expectations", "dbt_project", "assets", "orchestration"):
        (project / name).symlink_to(root / name)
    environment = {
        **os.environ,
        "LAKEHOUSE_HOME": str(tmp_path_factory.mktemp("guest")),
        "LAKEHOUSE_PROJECT": str(project),
        "LAKEHOUSE_WAREHOUSE": workspace.warehouse,
        "LAKEHOUSE_SPARK__REMOTE": workspace.spark_remote,
        "LAKEHOUSE_METASTORE__URI": workspace.metastore_uri,
    }
    printed = run_demo(environment)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        guest = Workspace(load())
    yield Demo(guest, environment, printed)
    down(guest)


@pytest.fixture(scope="session")
def trino(workspace: Workspace, demo: Demo, sql_layer: str) -> Any:
    """Ask Trino of the host's workspace, which sees the same tables."""
    from lakehouse.sql.ask_trino import ask

    return lambda statement: ask(workspace, statement)
