"""Make what an asset makes, now and without Dagster."""

from collections.abc import Iterator, Sequence
from typing import Any

from lakehouse.dagster.graph import graph_of_assets
from lakehouse.dagster.order import in_order
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
    (result,) = run_each([target], partitions=partitions, workspace=workspace)
    return result


def run_each(
    targets: Sequence[Target], *, partitions: Sequence[str] | None = None, workspace: Workspace | None = None
) -> Iterator[Any]:
    """Run several, one after the other; gives each one's result as it comes. See `run`.

    Every name is looked up before the first runs. What another one reads, or looks keys up in by a rule of its suite,
    runs before it; else they run in the order in which they were given.
    """
    workspace = workspace_of(workspace)
    assets = [asset_of(workspace, target) for target in targets]
    order = in_order(graph_of_assets(workspace, assets), [asset.key for asset in assets])
    assets.sort(key=lambda asset: order.index(asset.key))
    for asset in assets:
        if partitions is not None and not isinstance(asset, TableAsset):
            raise LakehouseError(f"Nothing was run: {asset.key} is a {type(asset).__name__}, which has no partitions.")
    with Connection(workspace) as connection:
        for asset in assets:
            if isinstance(asset, TableAsset):
                yield asset.materialize(connection, partitions=partitions)
            else:
                yield asset.materialize(connection)
