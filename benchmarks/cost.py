"""What work costs: wall time, and CPU time of the server and this process, which other work on the machine spares."""

import os
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import psutil

from benchmarks.figure import Figure, alternated
from lakehouse.services.supervise import supervisor
from lakehouse.workspace import Workspace


@dataclass(frozen=True)
class Cost:
    """Seconds that work took.

    Args:
        wall: By the clock.
        cpu: Of all cores, in the server and in this process.
        load: Load average of the machine afterwards.
    """

    wall: float
    cpu: float
    load: float


def cost(workspace: Workspace, work: Callable[[], Any]) -> Cost:
    """The cost of one call against the workspace's server."""
    server = psutil.Process(supervisor.states(workspace)["spark"].pid)
    began, before = time.perf_counter(), _cpu(server)
    work()
    return Cost(time.perf_counter() - began, _cpu(server) - before, os.getloadavg()[0])


def in_turns(workspace: Workspace, works: Mapping[str, Callable[[], Any]], rounds: int) -> dict[str, list[Cost]]:
    """The costs of each, in turns; the first round is left out."""
    costs = alternated({name: partial(cost, workspace, work) for name, work in works.items()}, rounds + 1)
    return {name: taken[1:] for name, taken in costs.items()}


def _cpu(server: psutil.Process) -> float:
    times = server.cpu_times()
    return float(times.user + times.system) + time.process_time()


def shown(name: str, costs: Sequence[Cost], target: str = "") -> Figure:
    """The shortest wall time, with all else."""
    walls = [taken.wall for taken in costs]
    note = (
        f"least of {len(costs)}, median {statistics.median(walls):.2f}, at most {max(walls):.2f}; "
        f"CPU {min(taken.cpu for taken in costs):.1f} s; load {statistics.median(taken.load for taken in costs):.1f}"
    )
    return Figure(name, min(walls), "s", target, note)


def over(name: str, costs: Sequence[Cost], others: Sequence[Cost], target: str = "") -> Figure:
    """The least wall time of one over that of the other; medians and CPU time beside it."""
    walls, cpus = [taken.wall for taken in costs], [taken.cpu for taken in costs]
    walls_of_others, cpus_of_others = [taken.wall for taken in others], [taken.cpu for taken in others]
    note = (
        f"of least times; of medians {statistics.median(walls) / statistics.median(walls_of_others):.2f}; "
        f"of least CPU times {min(cpus) / min(cpus_of_others):.2f}"
    )
    return Figure(name, min(walls) / min(walls_of_others), "ratio", target, note)
