"""The servers of a workspace, and who may use it for a whole chain."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from lakehouse import services
from lakehouse.locks.workspace_lock import workspace_lock
from lakehouse.project.targets import workspace_of
from lakehouse.services import status as asked
from lakehouse.services.status import ServiceStatus
from lakehouse.workspace import Workspace


def _tell_nobody(message: str) -> None:
    """Tell nobody."""


def up(*parts: str, workspace: Workspace | None = None, tell: Callable[[str], None] = _tell_nobody) -> None:
    """Have the metastore and the engine, and return when they answer. Harmless when they are up.

    Args:
        *parts: What else: "ui" (Dagster and MLflow), "sql" (Trino).
        workspace: Where; the current one if not given.
        tell: Told what goes on.

    Raises:
        ServiceError: a service does not start or does not answer; what this call started is stopped again.
        DownloadError: jars or archives could not be fetched.
    """
    services.up(workspace_of(workspace), parts, tell=tell)


def down(*, workspace: Workspace | None = None, tell: Callable[[str], None] = _tell_nobody) -> None:
    """Stop everything that the workspace started, and wait until it is gone. Harmless when nothing runs.

    Args:
        workspace: Which; the current one if not given.
        tell: Told what goes on.
    """
    services.down(workspace_of(workspace), tell=tell)


def status(*, workspace: Workspace | None = None) -> list[ServiceStatus]:
    """What is up, and whether it answers a real question."""
    return asked.status(workspace_of(workspace))


def hold_workspace(
    purpose: str, *, workspace: Workspace | None = None, say: Callable[[str], Any] = print
) -> AbstractContextManager[None]:
    """Hold the workspace while a whole chain runs; another who wants it waits.

    Args:
        purpose: What it is held for, in words that another user understands.
        workspace: Which; the current one if not given.
        say: Told once, if there is somebody to wait for.

    Raises:
        WorkspaceBusyError: the present holder did not finish in time.
    """
    return workspace_lock(workspace_of(workspace), purpose, say=say)
