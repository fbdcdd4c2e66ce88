"""Run a Dagster job of the project in this process, with a line for each step as it goes."""

import signal
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lakehouse.errors import LakehouseError
from lakehouse.workspace import Workspace

if TYPE_CHECKING:
    import dagster as dg


@dataclass(frozen=True)
class Step:
    """One step of a run.

    Args:
        name: Asset or check.
        seconds: Wall time.
        is_success: False where it failed.
    """

    name: str
    seconds: float
    is_success: bool


def instance_of(workspace: Workspace) -> "dg.DagsterInstance":
    """The Dagster instance of a workspace: the runs that the UI shows."""
    import dagster as dg

    from lakehouse.services.servers.dagster import prepare

    return dg.DagsterInstance.from_config(str(prepare(workspace)))


def run_job(workspace: Workspace, job: "dg.JobDefinition", *, say: Callable[[str], Any]) -> list[Step]:
    """Run a job, step by step.

    Args:
        workspace: Where the run is recorded.
        job: The job.
        say: Told a line when a step starts or ends.

    Raises:
        LakehouseError: a step failed, and the message is that step's own; or the run was interrupted (SIGINT, SIGTERM).
    """
    from lakehouse.dagster.run_launcher import this_process

    progress = _Progress(say)
    run_id = str(uuid.uuid4())
    with instance_of(workspace) as instance, _ended_by_signals():
        instance.add_event_listener(run_id, progress)
        job.execute_in_process(
            instance=instance,
            run_id=run_id,
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
            tags=this_process(),
            raise_on_error=False,
        )
    if progress.failure is not None:
        stop = next((step.name for step in progress.steps if not step.is_success), "its start")
        raise LakehouseError(f"The run stopped at {stop}.\n{progress.failure}")
    return progress.steps


class _Progress:
    """The steps of a run and its first failure, from the events as Dagster records them."""

    def __init__(self, say: Callable[[str], Any]) -> None:
        self.steps: list[Step] = []
        self.failure: str | None = None
        self._say = say
        self._started: dict[str, float] = {}

    def __call__(self, entry: "dg.EventLogEntry") -> None:
        import dagster as dg

        event = entry.dagster_event
        if event is None:
            return
        if event.event_type == dg.DagsterEventType.STEP_START:
            self._started[str(event.step_key)] = time.monotonic()
            self._say(f"{event.step_key} ...")
        elif event.event_type in (dg.DagsterEventType.STEP_SUCCESS, dg.DagsterEventType.STEP_FAILURE):
            self._end(event, is_success=event.event_type == dg.DagsterEventType.STEP_SUCCESS)
        elif event.event_type == dg.DagsterEventType.RUN_FAILURE and self.failure is None:
            self.failure = event.message

    def _end(self, event: "dg.DagsterEvent", *, is_success: bool) -> None:
        name, now = str(event.step_key), time.monotonic()
        step = Step(name, now - self._started.get(name, now), is_success)
        self.steps.append(step)
        self._say(f"{name} {'done' if is_success else 'FAILED'} in {step.seconds:.1f} s")
        if not is_success and self.failure is None:
            self.failure = _reason(event)


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """SIGINT and SIGTERM end the step, and Dagster the run: also in a shell's background job, which ignores SIGINT."""
    if threading.current_thread() is not threading.main_thread():  # only this one may set handlers
        yield
        return
    before = {number: signal.signal(number, signal.default_int_handler) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _reason(event: Any) -> str:
    data = event.step_failure_data
    if data.error_source.name == "INTERRUPT":
        return "It was interrupted. What was published stands; the next run goes on from there."
    if data.user_failure_data and data.user_failure_data.description:
        return str(data.user_failure_data.description)
    error = data.error
    while error is not None and error.cause is not None:
        error = error.cause
    return str(error.message).strip() if error else str(event.message)
