"""The orchestrator: Dagster's web server and daemon over the project's `orchestration.definitions`."""

import sys
from pathlib import Path

from lakehouse.services.supervise.spec import Address, ServiceSpec
from lakehouse.workspace import Workspace

_LAUNCHER = "lakehouse.dagster.run_launcher"
# A `dagster.yaml` that an earlier release made names the launcher by this module.
_FORMER_LAUNCHER = "lakehouse.services.run_launcher"
# One run at a time: the work is in one engine, and two runs of the chain would only wait for each other. The daemon
# looks at the queue each second, not every five as by itself; a run that has none before it starts without the queue.
_INSTANCE = f"""\
telemetry:
  enabled: false
nux:
  enabled: false
run_coordinator:
  module: lakehouse.dagster.run_coordinator
  class: PromptRunCoordinator
  config:
    max_concurrent_runs: 1
    dequeue_interval_seconds: 1
run_launcher:
  module: {_LAUNCHER}
  class: WatchedRunLauncher
run_monitoring:
  enabled: true
  start_timeout_seconds: 300
  cancel_timeout_seconds: 20
  poll_interval_seconds: 5
"""
_DEFINITIONS = ("-m", "orchestration.definitions")


def prepare(workspace: Workspace) -> Path:
    """The workspace's DAGSTER_HOME, with a `dagster.yaml` that its owner may edit afterwards."""
    home = workspace.folder("dagster")
    instance = home / "dagster.yaml"
    held = instance.read_text() if instance.exists() else _INSTANCE
    current = held.replace(_FORMER_LAUNCHER, _LAUNCHER)
    if current != held or not instance.exists():
        instance.write_text(current)
    return home


def make_storage(workspace: Workspace) -> None:
    """Make Dagster's databases, once: the web server and the daemon, started together, would each make their tables."""
    home = prepare(workspace)
    made = (home / "history" / "runs.db", home / "history" / "runs" / "index.db", home / "schedules" / "schedules.db")
    if all(file.exists() for file in made):
        return
    import dagster as dg

    with dg.DagsterInstance.from_config(str(home)) as instance:
        instance.get_runs_count()
        instance.all_instigator_state()
        instance.get_latest_materialization_events([])


def web_spec(workspace: Workspace, address: Address) -> ServiceSpec:
    """The web server."""
    where = ("--host", "127.0.0.1", "--port", str(address.port))
    return _spec(workspace, "dagster", ("dagster_webserver", *where, *_DEFINITIONS))


def daemon_spec(workspace: Workspace) -> ServiceSpec:
    """The daemon: schedules, sensors and the queue of runs."""
    return _spec(workspace, "daemon", ("dagster._daemon", "run", *_DEFINITIONS))


def _spec(workspace: Workspace, name: str, command: tuple[str, ...]) -> ServiceSpec:
    project = workspace.settings.project
    return ServiceSpec(
        name=name,
        command=(sys.executable, "-m", *command),
        folder=project,
        env={"DAGSTER_HOME": str(prepare(workspace)), "PYTHONPATH": str(project)},
    )
