"""The Dagster sensor on landing folders: a run when files are new, one per state of the folders."""

import hashlib
import json
from types import ModuleType
from typing import TYPE_CHECKING

from lakehouse.dagster.discover import table_assets
from lakehouse.delta.tables import Tables
from lakehouse.engine.session import Connection
from lakehouse.sources.files import Lines
from lakehouse.sources.kinds import position_of
from lakehouse.sources.parquet import ParquetFiles
from lakehouse.sources.source import ReadContext
from lakehouse.workspace import Workspace, current_workspace

if TYPE_CHECKING:
    import dagster as dg


def landing_state(workspace: Workspace, package: ModuleType) -> str:
    """A digest of all files that the assets of a package read from landing folders."""
    connection = Connection(workspace)
    positions = {
        f"{asset.table.name}.{name}": position_of(
            source, ReadContext(Tables(workspace), connection.session, asset.table.name, "")
        )
        for asset in table_assets(package)
        for name, source in asset.reads.items()
        if isinstance(source, Lines | ParquetFiles)
    }
    return hashlib.sha256(json.dumps(positions, sort_keys=True).encode()).hexdigest()


def landing_sensor(package: ModuleType, *, job: str) -> "dg.SensorDefinition":
    """A sensor that asks for a run of a job when files have landed.

    Args:
        package: The package of the assets.
        job: Name of the job to run.
    """
    import dagster as dg

    @dg.sensor(name="new_files", job_name=job, minimum_interval_seconds=30)
    def new_files(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        state = landing_state(current_workspace(), package)
        if state == context.cursor:
            return dg.SkipReason("No new files in the landing folders.")
        context.update_cursor(state)
        return dg.RunRequest(run_key=state)

    return new_files
