"""Becomes a service: `python -m lakehouse.services.supervise.launch FILE`, run by the supervisor.

The file (mode 0600) holds the launch of a `ServiceSpec`: no secret stands in a command line or in the supervisor's
configuration.
"""

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lakehouse.workspace import Workspace

# Every process that a workspace started carries this, so that `down` finds what the supervisor lost.
MARK = "LAKEHOUSE_STARTED_BY"

QUIET = {
    "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    "GX_ANALYTICS_ENABLED": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DAGSTER_DISABLE_TELEMETRY": "yes",
}


def environment(additions: Mapping[str, str]) -> dict[str, str]:
    """This process's environment with `additions`; this Python's programs come first on the path."""
    merged = {**os.environ, **QUIET, **additions}
    programs = str(Path(sys.executable).parent)
    merged["PATH"] = os.pathsep.join([programs, os.environ.get("PATH", os.defpath)])
    if "PYTHONPATH" in additions and "PYTHONPATH" in os.environ:
        merged["PYTHONPATH"] = os.pathsep.join([additions["PYTHONPATH"], os.environ["PYTHONPATH"]])
    return merged


def of_workspace(workspace: "Workspace") -> dict[str, str]:
    """What every process that a workspace starts inherits."""
    group = workspace.settings.group
    return environment(
        {
            **({"LAKEHOUSE_GROUP": group} if group else {}),
            MARK: str(workspace.home),
            "LAKEHOUSE_HOME": str(workspace.home),
            "LAKEHOUSE_PROJECT": str(workspace.settings.project),
            "LAKEHOUSE_CACHE": str(workspace.settings.cache),
            # The launcher must be importable wherever it runs.
            "PYTHONPATH": str(Path(__file__).parents[3]),
        }
    )


def main() -> None:
    """Replace this process by the service."""
    launch = json.loads(Path(sys.argv[1]).read_text())
    os.chdir(launch["folder"])
    if launch["lease"]:
        _need_turn(Path(launch["lease"]))
    command = launch["command"]
    os.execve(command[0], command, environment(launch["env"]))  # noqa: S606 - the file is ours, mode 0600


def _need_turn(lease: Path) -> None:
    """Go on only where this epoch has the turn.

    Raises:
        SystemExit: another epoch has it.
    """
    from lakehouse.locks.lease import highest
    from lakehouse.locks.lease_store import DiskStore

    if highest(DiskStore(lease.parent)) != int(lease.stem):
        sys.exit(f"not started: the lease {lease} is not the warehouse's newest.")


if __name__ == "__main__":
    main()
