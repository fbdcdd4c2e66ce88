"""The pytest plugin: one workspace with a real engine for a whole run, in a temporary folder, on free ports.

pytest loads this module in every environment that has the library, so it imports nothing heavy, and nothing happens
before a test asks for a fixture. A project that puts `usefixtures = ["clean_environment"]` into its pytest settings has
all its tests kept from the user's own workspace. The workers of pytest-xdist share the one workspace: one engine that
is warm serves two workers better than two engines that are cold.
"""

import signal
import uuid
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from lakehouse.workspace import Workspace

# The caches of this user and how to fill them are the machine's; all else is chosen here.
_KEPT = {f"LAKEHOUSE_{name}" for name in ("CACHE", "TRUSTSTORE", "IVY_SETTINGS", "JAVA_HOME", "AOT")}
# The UTC time at which the `lines` of a test were read.
LANDED_AT = datetime(2026, 1, 10, 12)


def _home(tmp_path_factory: pytest.TempPathFactory, config: pytest.Config) -> Path:
    """A new folder for the workspace; with pytest-xdist one for all workers, beside the folders of each."""
    if not _is_worker(config):
        return tmp_path_factory.mktemp("workspace")
    home = tmp_path_factory.getbasetemp().parent / "workspace"
    home.mkdir(exist_ok=True)
    return home


def _end_the_run(*_: object) -> None:
    pytest.exit("ended by SIGTERM", 143)


def pytest_sessionstart(session: pytest.Session) -> None:
    """Let a request to end (SIGTERM) end the workers too, in the process that started them."""
    if _starts_workers(session.config):
        signal.signal(signal.SIGTERM, _end_the_run)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Stop the servers that the workers shared, and those of workers that were killed.

    A worker leaves the shared ones to this process, and pytest-xdist gives it 10 seconds to end its own. pytest calls
    the last registered first: this comes after the end of the workers, and before pytest's own plugin removes the
    folders of a run (`tmp_path_retention_policy`).
    """
    if not _starts_workers(session.config):
        return
    # Where pytest-xdist asks for it too (xdist/workermanage.py); pytest has no public name for it.
    folder: Path = session.config._tmp_path_factory.getbasetemp()  # type: ignore[attr-defined]
    running = [file for level in ("*", "*/*", "*/*/*") for file in folder.glob(f"{level}/supervisor/supervisord.pid")]
    if running:
        from lakehouse.services import down
        from lakehouse.settings import load
        from lakehouse.workspace import Workspace

        for file in running:
            down(Workspace(load().model_copy(update={"home": file.parents[1], "warehouse": None})))


def _is_worker(config: pytest.Config) -> bool:
    return hasattr(config, "workerinput")  # what pytest-xdist gives to a worker


def _starts_workers(config: pytest.Config) -> bool:
    return config.pluginmanager.has_plugin("dsession")  # pytest-xdist registers it there alone


@pytest.fixture(scope="session")
def clean_environment(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Iterator[Path]:
    """The settings of the run: a home of its own, the project that pytest runs in, and nothing of the user's.

    Starts nothing. A request to end (SIGTERM) runs the fixtures' ends from here on, so that no server is left.
    """
    from lakehouse.settings import variables

    before = signal.signal(signal.SIGTERM, _end_the_run)
    with pytest.MonkeyPatch.context() as patch:
        given = variables()
        for name in given - _KEPT:
            patch.delenv(name)
        home = _home(tmp_path_factory, pytestconfig)
        patch.setenv("LAKEHOUSE_HOME", str(home))
        patch.setenv("LAKEHOUSE_PROJECT", str(pytestconfig.rootpath))
        if "LAKEHOUSE_AOT" not in given:
            patch.setenv("LAKEHOUSE_AOT", "use")  # making one takes two minutes of both cores
        yield home
    signal.signal(signal.SIGTERM, before)


@pytest.fixture(scope="session")
def workspace(clean_environment: Path, pytestconfig: pytest.Config) -> "Iterator[Workspace]":
    """The one workspace of the run, with metastore and engine up."""
    from lakehouse.services import down, up
    from lakehouse.workspace import current_workspace

    workspace = current_workspace()
    try:
        up(workspace)
        yield workspace
    finally:
        if not _is_worker(pytestconfig):
            down(workspace)


@pytest.fixture(scope="session")
def sql_layer(workspace: "Workspace") -> str:
    """Trino over the workspace, for `lakehouse.sql.ask_trino.ask`; the value is its address."""
    from lakehouse.services import up

    up(workspace, ["sql"])
    return workspace.trino_url


@pytest.fixture(scope="session")
def spark(workspace: "Workspace") -> "Iterator[SparkSession]":
    """The one session of the run. Whatever changes its configuration opens a session of its own."""
    from lakehouse.engine.session import Connection

    with Connection(workspace) as connection:
        yield connection.session()


@pytest.fixture(scope="session")
def fresh() -> Callable[[str], str]:
    """Gives a table name in a layer that no other test has: `fresh("silver")` is `silver.t_1f3a...`."""
    return lambda layer: f"{layer}.t_{uuid.uuid4().hex[:10]}"


@pytest.fixture(scope="session")
def lines(spark: "SparkSession") -> "Callable[..., DataFrame]":
    """Makes the frame that `Lines` gives for a file: `lines("first line", "second line", file="landing/a.csv")`."""
    from lakehouse.declare.table import schema_of
    from lakehouse.sources.files import SOURCE_COLUMNS

    def frame(*texts: str, file: str = "landing/file") -> "DataFrame":
        return spark.createDataFrame(
            [(text, file, row, "batch-1", LANDED_AT) for row, text in enumerate(texts, start=1)],
            f"line string, {schema_of(SOURCE_COLUMNS)}",
        )

    return frame
