"""Dagster's own queue of runs, passed by a run that has nothing to wait for.

Named in `dagster.yaml` and imported by Dagster alone, hence the imports of Dagster at the top.
"""

from pathlib import Path

import dagster as dg
from dagster._core.run_coordinator.base import SubmitRunContext

from lakehouse.locks.private_lock import private_lock

_IN_THE_WAY = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


class PromptRunCoordinator(dg.QueuedRunCoordinator):
    """The queue, which the daemon empties once a second; a run before which there is none starts at once.

    Limits by tags are the daemon's to judge: where `dagster.yaml` has any, every run goes through the queue.
    """

    def submit_run(self, context: SubmitRunContext) -> dg.DagsterRun:
        """Start a new run if no other waits or works, else put it in the queue.

        Raises:
            DagsterError: the run could not be started; it is marked failed, with the reason in its log.
        """
        run = context.dagster_run
        # Of two that are asked for at one moment the second sees the first.
        with private_lock(Path(self._instance.root_directory) / "submit.lock"):
            if run.status != dg.DagsterRunStatus.NOT_STARTED or not self._is_free():
                return super().submit_run(context)
            return self._instance.launch_run(run.run_id, context.workspace)

    def _is_free(self) -> bool:
        limits = self.get_run_queue_config()
        if limits.max_concurrent_runs == 0 or limits.tag_concurrency_limits:
            return False
        return self._instance.get_runs_count(dg.RunsFilter(statuses=_IN_THE_WAY)) == 0
