"""What the tests of faults share."""

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from lakehouse.engine.session import Connection
from lakehouse.services import down, up
from lakehouse.settings import load
from lakehouse.workspace import Workspace
from tests.library.faults.house import House
from tests.library.faults.orchestra import Orchestra

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@pytest.fixture
def connection(house: House, spark: "SparkSession") -> Connection:
    """The session of the whole run, on the module's own house."""
    opened = Connection(house.workspace)
    opened._session = spark
    return opened


@pytest.fixture(scope="module")
def orchestra(workspace: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orchestra]:
    """A guest of the session's workspace, with a web server and a daemon of its own.

    Its settings are the environment's while the tests of one module run, and no longer.
    """
    project = tmp_path_factory.mktemp("orchestra")
    table = Orchestra.write(project)
    given = {
        "LAKEHOUSE_HOME": str(tmp_path_factory.mktemp("guest")),
        "LAKEHOUSE_PROJECT": str(project),
        "LAKEHOUSE_WAREHOUSE": workspace.warehouse,
        "LAKEHOUSE_SPARK__REMOTE": workspace.spark_remote,
        "LAKEHOUSE_METASTORE__URI": workspace.metastore_uri,
        "LAKEHOUSE_MLFLOW__URL": "http://127.0.0.1:1",  # nobody asks it here
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in given.items():
            patch.setenv(name, value)
        guest = Workspace(load())
        try:
            up(guest, ["ui"])
            yield Orchestra(guest, project, table, dict(os.environ))
        finally:
            down(guest)
