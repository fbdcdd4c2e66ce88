"""A run that is cancelled leaves nothing behind on the server, not even a Python function that never returns."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from tests.library.faults.orchestra import Orchestra, until

# What the house promises, from the end of the run.
SILENT_WITHIN_SECONDS = 5
RUN_JOB = """
import sys
from lakehouse.dagster.run_job import run_job
from lakehouse.errors import LakehouseError
from lakehouse.workspace import current_workspace
from orchestration.definitions import defs
try:
    run_job(current_workspace(), defs.resolve_job_def("stuck"), say=print)
except LakehouseError as error:
    sys.exit(str(error))
"""
# A process of a shell's background job inherits that SIGINT is ignored (POSIX, "Asynchronous Lists").
CLIENT = """
import signal
import sys
import time
from lakehouse.engine.session import Connection
from lakehouse.workspace import current_workspace
signal.signal(signal.SIGINT, signal.default_int_handler)
beat = sys.argv[1]
def turn(batches):
    for batch in batches:
        while True:
            with open(beat, "w") as file:
                file.write("x")
            time.sleep(0.2)
        yield batch
with Connection(current_workspace()) as connection:
    connection.session().range(1).mapInArrow(turn, "id bigint").collect()
"""


@pytest.fixture
def stuck(orchestra: Orchestra) -> Iterator[Orchestra]:
    orchestra.hold_up()
    (orchestra.project / "landing" / "in" / f"{os.urandom(4).hex()}.txt").write_text("new\n")
    yield orchestra
    orchestra.let_go()


Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def started(stuck: Orchestra) -> Iterator[Start]:
    """Starts a process in the project, whose function in the engine gets stuck. None is left behind."""
    processes: list[subprocess.Popen[str]] = []

    def start(code: str, *arguments: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", code, *arguments],
            cwd=stuck.project,
            env={**stuck.environment, "PYTHONPATH": f"{stuck.project}:{os.getcwd()}"},
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
        )
        processes.append(process)
        until(lambda: (stuck.project / "beat").exists() or process.poll() is not None, 120, "the stuck function")
        assert process.poll() is None, process.stderr.read()
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate(timeout=60)


@pytest.mark.slow
def test_a_run_that_is_terminated_in_the_page_leaves_nothing_behind(stuck: Orchestra):
    run = stuck.launch()
    stuck.worker(run)

    stuck.client.terminate_run(run)

    until(lambda: stuck.status(run) == "CANCELED", 60, "the run cancelled")
    stuck.await_silence(SILENT_WITHIN_SECONDS)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_in_the_terminal_that_is_asked_to_end_leaves_nothing_behind(
    stuck: Orchestra, started: Start, number: int
):
    process = started(RUN_JOB)

    process.send_signal(number)

    assert "It was interrupted" in process.communicate(timeout=60)[1]
    stuck.await_silence(SILENT_WITHIN_SECONDS)


@pytest.mark.slow
def test_a_run_in_the_terminal_can_be_terminated_in_the_page(stuck: Orchestra, started: Start):
    process = started(RUN_JOB)
    (run,) = stuck.running()

    stuck.client.terminate_run(run)

    assert "It was interrupted" in process.communicate(timeout=60)[1]
    assert stuck.status(run) == "CANCELED"
    stuck.await_silence(SILENT_WITHIN_SECONDS)


@pytest.mark.slow
def test_a_session_that_is_closed_takes_its_work_with_it(stuck: Orchestra, started: Start):
    process = started(CLIENT, str(stuck.project / "beat"))

    process.send_signal(signal.SIGINT)

    process.communicate(timeout=60)
    stuck.await_silence(SILENT_WITHIN_SECONDS)


@pytest.mark.slow
def test_the_work_of_a_client_that_was_killed_ends_by_itself(stuck: Orchestra, started: Start):
    process = started(CLIENT, str(stuck.project / "beat"))

    process.kill()

    process.communicate(timeout=60)
    stuck.await_silence(120)  # 75 s by the server's settings
