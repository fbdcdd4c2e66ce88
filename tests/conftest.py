"""What all tests share: one workspace with a real server for the whole run, in a temporary folder, on free ports."""

import os
import signal
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lakehouse.services import down, up
from lakehouse.workspace import Workspace, current

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

PROJECT = Path(__file__).parents[1]

# The caches of this user and how to fill them are the machine's; all else is chosen here.
_KEPT = {f"LAKEHOUSE_{name}" for name in ("CACHE", "TRUSTSTORE", "IVY_SETTINGS", "JAVA_HOME", "AOT")}


def pytest_configure(config: pytest.Config) -> None:
    """Let a request to end run the fixtures' ends, so that no server is left."""
    config.addinivalue_line("markers", "services: starts or asks real servers (all of tests/services)")
    if hasattr(signal, "SIGTERM"):
        signal.signal(signal.SIGTERM, lambda *_: pytest.exit("ended by SIGTERM", 143))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of `tests/services` by their path."""
    for item in items:
        if (PROJECT / "tests" / "services") in item.path.parents:
            item.add_marker("services")


@pytest.fixture(scope="session", autouse=True)
def clean_environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The settings of the run: a home of its own, and nothing of the user's. Starts nothing."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("LAKEHOUSE_") and name not in _KEPT]:
            patch.delenv(name)
        home = tmp_path_factory.mktemp("workspace")
        patch.setenv("LAKEHOUSE_HOME", str(home))
        patch.setenv("LAKEHOUSE_PROJECT", str(PROJECT))
        if "LAKEHOUSE_AOT" not in os.environ:
            patch.setenv("LAKEHOUSE_AOT", "use")  # making one takes two minutes of both cores
        yield home


@pytest.fixture(scope="session")
def workspace(clean_environment: Path) -> Iterator[Workspace]:
    """The one workspace of the run, with metastore and engine up."""
    workspace = current()
    try:
        up(workspace)
        yield workspace
    finally:
        down(workspace)


@pytest.fixture(scope="session")
def sql_layer(workspace: Workspace) -> str:
    """Trino over the workspace, for `lakehouse.sql.ask_trino.ask`; the value is its address."""
    up(workspace, ["sql"])
    return workspace.trino_url


@pytest.fixture(scope="session")
def spark(workspace: Workspace) -> "Iterator[SparkSession]":
    """The one session of the run. Whatever changes its configuration opens a session of its own."""
    from lakehouse.engine.session import Connection

    with Connection(workspace) as connection:
        yield connection.session()


@pytest.fixture(scope="session")
def fresh() -> Callable[[str], str]:
    """Gives a table name in a layer that no other test has: `fresh("silver")` is `silver.t_1f3a...`."""
    return lambda layer: f"{layer}.t_{uuid.uuid4().hex[:10]}"
