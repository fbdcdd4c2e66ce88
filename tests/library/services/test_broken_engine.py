"""An engine that lives and cannot work, has no memory left or cannot start: said in time, in words, and mended."""

import os
import re
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pyspark.errors import PySparkException
from pyspark.sql.types import IntegerType

from lakehouse.engine.session import connect
from lakehouse.errors import ServiceError
from lakehouse.services import down, roster, up
from lakehouse.services.java.scala import jar_of
from lakehouse.services.status import ServiceStatus, status
from lakehouse.services.supervise import probes, wire
from lakehouse.services.supervise.jvm_log import cause, without_trace
from lakehouse.settings import SparkSettings, load
from lakehouse.workspace import Workspace
from tests.conftest import own_servers

BREAK = Path(__file__).with_name("BreakEngine.scala")
BACK_WITHIN_SECONDS = 90
HUGE = "create table bronze.huge using delta as select length(repeat(id, 2000000000)) as length from range(2)"
LOG = """\
2026-01-01 00:00:00 ERROR Executor: Exception in task 0.0
java.lang.IllegalStateException: Shutdown hooks cannot be modified during shutdown.
	at org.apache.spark.util.SparkShutdownHookManager.add(ShutdownHookManager.scala:195)
	at java.base/java.lang.Thread.run(Thread.java:1474)
Caused by: java.io.IOException: nothing there
	... 17 more

"""


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """A workspace whose engine these tests break."""
    workspace = small(tmp_path_factory.mktemp("broken") / "home", "1g")
    with own_servers(workspace):
        yield workspace


def small(home: Path, memory: str) -> Workspace:
    return Workspace(load().model_copy(update={"home": home, "spark": SparkSettings(memory=memory)}))


def engine(workspace: Workspace) -> ServiceStatus:
    return next(entry for entry in status(workspace) if entry.name == "spark")


def stop_the_block_manager(workspace: Workspace) -> None:
    settings = workspace.settings
    runtime = roster.runtime(settings, "spark")
    session = connect(workspace)
    try:
        session.addArtifact(str(jar_of(settings, runtime.java, BREAK, beside=runtime.extras)))
        session.udf.registerJavaFunction("break_engine", "lakehouse.BreakEngine", IntegerType())
        with pytest.raises(PySparkException):  # it cannot keep the answer any more
            session.sql("select break_engine() from range(2)").collect()
    finally:
        session.stop()


@pytest.mark.slow
def test_an_engine_that_lives_and_cannot_compute_is_not_called_up_and_is_started_anew(own):
    before, said = engine(own), []
    stop_the_block_manager(own)
    assert engine(own).state == "not answering"

    up(own, tell=said.append)

    assert any("spark is started anew" in line for line in said)
    assert not any(re.search(r"\bat org\.|\.scala:\d", line) for line in said)
    after = engine(own)
    assert (after.state, after.address, after.pid != before.pid) == ("up", before.address, True)


@pytest.mark.slow
def test_an_engine_with_no_core_free_is_busy_and_is_not_started_anew(own):
    before, session = engine(own).pid, connect(own)

    def work() -> None:
        with pytest.raises(PySparkException):
            session.sql("select max(sha2(repeat(id, 999), 512)) from range(0, 900000000, 1, 8)").collect()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        deadline = time.monotonic() + BACK_WITHIN_SECONDS
        while wire.spark_computes(own.spark_remote, within=2, timeout=20):
            assert time.monotonic() < deadline
        probes.spark(own.spark_remote, own.settings, 20)
        up(own)
        assert engine(own).pid == before
    finally:
        session.interruptAll()
        thread.join()
        session.stop()


@pytest.mark.slow
def test_an_engine_that_is_stopped_in_its_tracks_is_started_anew(own):
    before = engine(own).pid
    os.kill(before, signal.SIGSTOP)

    up(own)

    assert engine(own).pid != before


@pytest.mark.slow
def test_an_engine_without_memory_ends_and_comes_back(own):
    before = engine(own).pid

    with pytest.raises(ServiceError):
        wire.ask_spark(own.spark_remote, HUGE, timeout=60)

    deadline = time.monotonic() + BACK_WITHIN_SECONDS
    while engine(own).state != "up" or engine(own).pid == before:
        assert time.monotonic() < deadline
        time.sleep(0.5)
    assert "OutOfMemoryError" in (own.logs / "spark.log").read_text()


def test_an_engine_that_cannot_start_says_what_to_do_and_no_trace(tmp_path):
    workspace = small(tmp_path / "home", "1m")
    try:
        with pytest.raises(ServiceError, match="LAKEHOUSE_SPARK__MEMORY") as refused:
            up(workspace)
    finally:
        down(workspace)

    assert not re.search(r"\bat org\.|Exception in thread|\.scala:\d", str(refused.value))
    assert "lakehouse logs spark" in str(refused.value)


def test_of_a_log_the_frames_are_left_out_and_the_words_stay():
    assert without_trace(LOG) == [
        "2026-01-01 00:00:00 ERROR Executor: Exception in task 0.0",
        "java.lang.IllegalStateException: Shutdown hooks cannot be modified during shutdown.",
        "Caused by: java.io.IOException: nothing there",
    ]
    assert cause(LOG) == ""
    assert "LAKEHOUSE_SPARK__MEMORY" in cause("Error: Invalid maximum heap size: -Xmx1x")
