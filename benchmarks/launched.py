"""What a run that is launched from Dagster's page costs beside the work of its step, and where that goes."""

import time
from collections.abc import Callable, Iterator
from functools import partial
from urllib.parse import urlsplit

import dagster as dg
from dagster_graphql import DagsterGraphQLClient

from benchmarks.figure import Figure, timing
from benchmarks.room import room
from lakehouse.dagster.run_job import instance_of
from lakehouse.services import up
from lakehouse.workspace import Workspace

ROUNDS = 5
ASSET = ["bronze", "patients"]
_ENDS = (dg.DagsterEventType.RUN_SUCCESS, dg.DagsterEventType.RUN_FAILURE)
# The parts of a run after it was started, each from the event that begins it; the last one begins the end.
_PARTS = {
    "until its process has loaded the project": dg.DagsterEventType.RUN_STARTING,
    "until its step begins": dg.DagsterEventType.RUN_START,
    "its step": dg.DagsterEventType.STEP_START,
    "until the run has ended": dg.DagsterEventType.STEP_SUCCESS,
}
_NAMES = ("until it is started", *_PARTS)


def run(rounds: int = ROUNDS) -> list[Figure]:
    """Launch one asset again and again: the first run makes its table, the others find nothing new."""
    with room() as workspace:
        up(workspace, ["ui"])
        address = urlsplit(workspace.dagster_url)
        client = DagsterGraphQLClient(str(address.hostname), port_number=address.port, timeout=60)
        launch = partial(client.submit_job_execution, "__ASSET_JOB", asset_selection=[ASSET])
        times = [_parts(workspace, launch) for _ in range(rounds + 1)][1:]
    beside = [sum(parts.values()) - parts["its step"] for parts in times]
    return [
        timing("a run that is launched, beside its step", beside, "at most 2 s"),
        *(timing(f"of it {name}", [parts[name] for parts in times]) for name in _NAMES),
    ]


def _events(workspace: Workspace, run: str) -> Iterator[tuple[dg.DagsterEventType, float]]:
    with instance_of(workspace) as instance:
        for entry in instance.all_logs(run):
            if entry.dagster_event:
                yield entry.dagster_event.event_type, entry.timestamp


def _parts(workspace: Workspace, launch: Callable[[], str]) -> dict[str, float]:
    """Ask for a run and wait for its end; the seconds of its parts."""
    asked = time.time()
    run = launch()
    deadline = time.monotonic() + 300
    at: dict[dg.DagsterEventType, float] = {}
    while not any(end in at for end in _ENDS):
        if time.monotonic() > deadline:
            raise RuntimeError(f"the run {run} did not end within 300 s")
        time.sleep(0.2)
        at = dict(reversed(list(_events(workspace, run))))
    if dg.DagsterEventType.RUN_SUCCESS not in at:
        raise RuntimeError(f"the run {run} failed")
    moments = [asked, *(at[kind] for kind in _PARTS.values()), at[dg.DagsterEventType.RUN_SUCCESS]]
    return {name: after - before for name, before, after in zip(_NAMES, moments, moments[1:], strict=False)}
