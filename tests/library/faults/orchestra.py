"""A small project under a real web server and daemon of Dagster, whose one asset can get stuck in a Python function."""

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import dagster as dg
import psutil
from dagster_graphql import DagsterGraphQLClient

from lakehouse.dagster.run_job import instance_of
from lakehouse.dagster.run_launcher import WORKER
from lakehouse.locks.process_identity import pid_of
from lakehouse.services.supervise import orphans
from lakehouse.workspace import Workspace

# While the file `stuck` is there the function never ends, and writes the file `beat` every fifth of a second.
DEFINITIONS = '''
"""One asset that can get stuck."""

from pathlib import Path

import dagster as dg

from lakehouse import Append, Column, Lines, Table, table_asset
from lakehouse.engine.session import CONNECTION, Connection
from lakehouse.workspace import current_workspace

PROJECT = Path(__file__).parents[1]
TABLE = Table(
    "{table}",
    grain="one row per line",
    columns=(Column("line", "string", "As it came"), Column("_source_file", "string", "Where it was")),
    write=Append(),
)


@table_asset(TABLE, reads={{"lines": Lines("landing/in/*.txt")}})
def stuck(lines):
    """Hand the lines on, some time."""
    stuck, beat = str(PROJECT / "stuck"), str(PROJECT / "beat")

    def turn(batches):
        import os
        import time

        for batch in batches:
            while os.path.exists(stuck):
                with open(beat, "w") as file:
                    file.write(str(time.monotonic()))
                time.sleep(0.2)
            yield batch

    return lines.select("line", "_source_file").mapInArrow(turn, "line string, _source_file string")


@dg.resource
def connection(_):
    with Connection(current_workspace()) as opened:
        yield opened


defs = dg.Definitions(
    assets=[stuck.definition],
    resources={{CONNECTION: connection}},
    jobs=[dg.define_asset_job("stuck", dg.AssetSelection.all())],
    executor=dg.in_process_executor,
)
'''


def until(condition: Callable[[], Any], seconds: float, what: str) -> Any:
    """Wait until a condition holds and give what it gave."""
    deadline = time.monotonic() + seconds
    while not (answer := condition()):
        assert time.monotonic() < deadline, f"{what}: not within {seconds} s"
        time.sleep(0.1)
    return answer


@dataclass(frozen=True)
class Orchestra:
    """The project, and what can be done to its runs."""

    workspace: Workspace
    project: Path
    table: str
    environment: dict[str, str]

    @classmethod
    def write(cls, project: Path) -> str:
        """Write the project; give the name of its table."""
        table = f"silver.stuck_{uuid.uuid4().hex[:8]}"
        for folder in ("orchestration", "landing/in"):
            (project / folder).mkdir(parents=True)
        (project / "orchestration" / "__init__.py").write_text("")
        (project / "orchestration" / "definitions.py").write_text(DEFINITIONS.format(table=table))
        (project / "landing" / "in" / "one.txt").write_text("a\nb\nc\n")
        return table

    @property
    def client(self) -> DagsterGraphQLClient:
        """What asks Dagster's web server as its page does."""
        address = urlsplit(self.workspace.dagster_url)
        return DagsterGraphQLClient(str(address.hostname), port_number=address.port, timeout=60)

    def launch(self) -> str:
        """Launch a run as the page does; give its id."""
        return self.client.submit_job_execution("stuck")

    def status(self, run: str) -> str:
        """A run's status."""
        with instance_of(self.workspace) as instance:
            return instance.get_run_by_id(run).status.value

    def waited_in_the_queue(self, run: str) -> bool:
        """Whether a run went through Dagster's queue of runs."""
        with instance_of(self.workspace) as instance:
            return bool(instance.all_logs(run, of_type=dg.DagsterEventType.RUN_ENQUEUED))

    def running(self) -> list[str]:
        """The runs that have started and not ended."""
        with instance_of(self.workspace) as instance:
            return [run.run_id for run in instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED]))]

    def failure(self, run: str) -> list[str]:
        """What the log of a run says last."""
        with instance_of(self.workspace) as instance:
            return [f"{entry.message} {entry.dagster_event}"[:3000] for entry in instance.all_logs(run)][-6:]

    def worker(self, run: str) -> psutil.Process:
        """The process of a run that has got stuck."""

        def pid() -> int | None:
            with instance_of(self.workspace) as instance:
                known = instance.get_run_by_id(run).tags.get(WORKER)
                return pid_of(known) if known else None

        until(lambda: (self.project / "beat").exists() or self.status(run) == "FAILURE", 120, "the stuck function")
        assert self.status(run) == "STARTED", self.failure(run)
        return psutil.Process(until(pid, 30, "the run's process"))

    def tree(self, process: psutil.Process) -> list[psutil.Process]:
        """A run's process and all of this workspace that it came from, from the top: daemon, code server, run."""
        ours = {started.pid for started in orphans.started_by(self.workspace.home)}
        chain = [process, *(parent for parent in process.parents() if parent.pid in ours)]
        return [link for link in reversed(chain) if "supervisord" not in " ".join(link.cmdline())]

    def hold_up(self) -> None:
        """Let the function get stuck from now on."""
        (self.project / "beat").unlink(missing_ok=True)
        (self.project / "stuck").touch()

    def let_go(self) -> None:
        """Let the function end."""
        (self.project / "stuck").unlink(missing_ok=True)

    def await_stuck(self, seconds: float) -> None:
        """Wait until the function runs in the engine."""
        until((self.project / "beat").exists, seconds, "the stuck function")

    def await_silence(self, seconds: float) -> None:
        """Wait until the function gives no sign for a second: it runs no more."""
        beat = self.project / "beat"

        def silent() -> bool:
            beat.unlink(missing_ok=True)
            deadline = time.monotonic() + 1
            while time.monotonic() < deadline:
                if beat.exists():
                    return False
                time.sleep(0.05)
            return True

        until(silent, seconds + 1, "silence of the stuck function")
