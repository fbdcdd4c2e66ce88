"""Make what an asset makes, now and without Dagster."""

from collections.abc import Sequence
from typing import Any

from lakehouse.dagster.table_asset import TableAsset
from lakehouse.engine.session import Connection
from lakehouse.errors import LakehouseError
from lakehouse.project.targets import Target, asset_of, workspace_of
from lakehouse.workspace import Workspace


def run(target: Target, *, partitions: Sequence[str] | None = None, workspace: Workspace | None = None) -> Any:
    """Make a table, train a model or push features, as far as its inputs or its code are new.

    Args:
        target: The asset, or its `layer.entities`.
        partitions: Keys of the partitions to make, for a partitioned table.
        workspace: Where; the current one if not given.

    Returns:
        What came of it: a `Published` for a table, a `Training` for a model, a `Served` for features.

    Raises:
        LakehouseError: it was refused, and says why; what was there is as it was.
        ServiceError: the engine is not up.
    """
    workspace = workspace_of(workspace)
    asset = asset_of(workspace, target)
    with Connection(workspace) as connection:
        return run_asset(connection, asset, partitions)


def run_asset(connection: Connection, asset: Any, partitions: Sequence[str] | None = None) -> Any:
    """Run one asset on a connection that is open already; see `run`."""
    if partitions is None:
        return asset.materialize(connection)
    if not isinstance(asset, TableAsset):
        raise LakehouseError(f"{asset.key} was not run: a {type(asset).__name__} has no partitions.")
    return asset.materialize(connection, partitions=partitions)
