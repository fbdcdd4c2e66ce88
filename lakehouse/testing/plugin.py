"""The pytest plugin: one workspace with a real engine for a whole run, in a temporary folder, on free ports.

pytest loads this module in every environment that has the library, so it imports nothing heavy, and nothing happens
before a test asks for a fixture. A project that puts `usefixtures = ["clean_environment"]` into its pytest settings has
all its tests kept from the user's own workspace.
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


def _end_the_run(*_: object) -> None:
    pytest.exit("ended by SIGTERM", 143)


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
        home = tmp_path_factory.mktemp("workspace")
        patch.setenv("LAKEHOUSE_HOME", str(home))
        patch.setenv("LAKEHOUSE_PROJECT", str(pytestconfig.rootpath))
        if "LAKEHOUSE_AOT" not in given:
            patch.setenv("LAKEHOUSE_AOT", "use")  # making one takes two minutes of both cores
        yield home
    signal.signal(signal.SIGTERM, before)


@pytest.fixture(scope="session")
def workspace(clean_environment: Path) -> "Iterator[Workspace]":
    """The one workspace of the run, with metastore and engine up."""
    from lakehouse.services import down, up
    from lakehouse.workspace import current_workspace

    workspace = current_workspace()
    try:
        up(workspace)
        yield workspace
    finally:
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
