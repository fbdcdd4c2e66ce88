"""Run a Dagster job of the project in this process, with a line for each step as it goes."""

import time
from collections.abc import Callable, Iterator
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
    import dagster as dg

    steps: list[Step] = []
    failure: str | None = None
    started: dict[str, float] = {}
    with instance_of(workspace) as instance:
        for event in _events(instance, job):
            name = event.step_key or ""
            if event.event_type == dg.DagsterEventType.STEP_START:
                started[name] = time.monotonic()
                say(f"{name} ...")
            elif event.event_type in (dg.DagsterEventType.STEP_SUCCESS, dg.DagsterEventType.STEP_FAILURE):
                is_success = event.event_type == dg.DagsterEventType.STEP_SUCCESS
                steps.append(Step(name, time.monotonic() - started.get(name, time.monotonic()), is_success))
                say(f"{name} {'done' if is_success else 'FAILED'} in {steps[-1].seconds:.1f} s")
                if not is_success and failure is None:
                    failure = _reason(event)
            elif event.event_type == dg.DagsterEventType.RUN_FAILURE and failure is None:
                failure = event.message
    if failure is not None:
        raise LakehouseError(
            f"The run stopped at {next((s.name for s in steps if not s.is_success), 'its start')}.\n{failure}"
        )
    return steps


def _events(instance: "dg.DagsterInstance", job: "dg.JobDefinition") -> "Iterator[dg.DagsterEvent]":
    """Run a job in this process, its events as they come."""
    from dagster._core.definitions.job_base import InMemoryJob
    from dagster._core.execution.api import create_execution_plan, execute_run_iterator
    from dagster._utils.interrupts import capture_interrupts

    from lakehouse.dagster.run_launcher import this_process

    quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
    run = instance.create_run_for_job(
        job_def=job,
        run_config=quiet,
        execution_plan=create_execution_plan(job, run_config=quiet),
        tags=this_process(),
    )
    with capture_interrupts():  # a signal ends the step, and Dagster ends the run and the step's session
        yield from execute_run_iterator(InMemoryJob(job), run, instance=instance)


def _reason(event: Any) -> str:
    from dagster._core.execution.plan.objects import ErrorSource

    data = event.step_failure_data
    if data.error_source == ErrorSource.INTERRUPT:
        return "It was interrupted. What was published stands; the next run goes on from there."
    if data.user_failure_data and data.user_failure_data.description:
        return str(data.user_failure_data.description)
    error = data.error
    while error is not None and error.cause is not None:
        error = error.cause
    return str(error.message).strip() if error else str(event.message)
