"""Dagster's own way to start a run, and what that lacks: to tell whether the process of a run is still there.

Named in `dagster.yaml` and imported by Dagster alone, hence the imports of Dagster at the top.
"""

import os
import signal
from typing import Any

import dagster as dg
from dagster._core.launcher import DefaultRunLauncher
from dagster._core.launcher.base import CheckRunHealthResult, LaunchRunContext, WorkerStatus
from dagster._core.storage.tags import GRPC_INFO_TAG

from lakehouse.locks.process_identity import identity, is_alive, pid_of

WORKER = "lakehouse/worker"


def this_process() -> dict[str, str]:
    """The tag of a run that this process executes itself."""
    known = identity(os.getpid())
    return {WORKER: known} if known else {}


class WatchedRunLauncher(DefaultRunLauncher):
    """The default launcher, with the health check that Dagster's run monitoring asks for.

    A run keeps the identity of its process in a tag, so that a restart of the daemon or of the machine forgets nothing.
    """

    def launch_run(self, context: LaunchRunContext) -> None:
        """Start a run and note its process."""
        super().launch_run(context)
        self._note(context.dagster_run)

    @property
    def supports_check_run_worker_health(self) -> bool:
        """It does."""
        return True

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        """Whether the process of a started run is there. One that is not known yet counts as there."""
        known = run.tags.get(WORKER) or self._note(run)
        if known is None or is_alive(known):
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        message = f"its process {pid_of(known)} ended without a word (killed, out of memory, or the machine restarted)"
        return CheckRunHealthResult(WorkerStatus.FAILED, message)

    def terminate(self, run_id: str) -> bool:
        """Ask a run to end: Dagster's way, or by a signal where a process of this machine executes it itself."""
        run = self._instance.get_run_by_id(run_id)
        known = run.tags.get(WORKER) if run else None
        if run is None or run.is_finished or GRPC_INFO_TAG in run.tags or known is None or not is_alive(known):
            return bool(super().terminate(run_id))  # type: ignore[no-untyped-call]
        self._instance.report_run_canceling(run)
        os.kill(pid_of(known), signal.SIGINT)
        return True

    def _note(self, run: dg.DagsterRun) -> str | None:
        """Tag a run with its process, as soon as Dagster's log of the run names that."""
        pid = self._pid(run.run_id)
        if pid is None:
            return None
        known = identity(pid) or f"{pid} has ended"
        self._instance.add_run_tags(run.run_id, {WORKER: known})
        return known

    def _pid(self, run_id: str) -> int | None:
        """The first pid that the run's log names is that of its process; later ones are those of steps."""
        for entry in self._instance.all_logs(run_id, of_type=dg.DagsterEventType.ENGINE_EVENT):
            data: Any = entry.dagster_event.engine_event_data if entry.dagster_event else None
            pid = data.metadata.get("pid") if data else None
            if pid is not None:
                return int(pid.value)
        return None
