"""Make what an asset makes, now and without Dagster."""

from collections.abc import Iterator, Sequence
from typing import Any

from lakehouse.dagster.discover import assets_of, project_package
from lakehouse.dagster.graph import graph_of, graph_of_assets
from lakehouse.dagster.order import behind, in_order
from lakehouse.dagster.table_asset import TableAsset
from lakehouse.engine.session import Connection
from lakehouse.errors import LakehouseError
from lakehouse.project.targets import Target, asset_of, name_of, workspace_of
from lakehouse.workspace import Workspace


def run(
    target: Target,
    *,
    partitions: Sequence[str] | None = None,
    full: bool = False,
    workspace: Workspace | None = None,
) -> Any:
    """Make a table, train a model or push features, as far as its inputs or its code are new.

    Args:
        target: The asset, or its `layer.entities`.
        partitions: Keys of the partitions to make, for a partitioned table.
        full: Read all of the inputs and make the table, or the partitions, again in one commit, whatever is new. Rows
            that a table has and that its inputs do not have any more are gone from its new version.
        workspace: Where; the current one if not given.

    Returns:
        What came of it: a `Published` for a table, a `Training` for a model, a `Served` for features.

    Raises:
        LakehouseError: it was refused, and says why; what was there is as it was.
        ServiceError: the engine is not up.
    """
    (result,) = run_each([target], partitions=partitions, full=full, workspace=workspace)
    return result


def run_each(
    targets: Sequence[Target],
    *,
    partitions: Sequence[str] | None = None,
    full: bool = False,
    workspace: Workspace | None = None,
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
                yield asset.materialize(connection, partitions=partitions, full=full)
            else:
                yield asset.materialize(connection)


def behind_targets(targets: Sequence[Target], workspace: Workspace | None = None) -> tuple[list[str], list[str]]:
    """What the project makes from some tables, however far away. Asks no server.

    Returns:
        The assets, which `run_each` makes; and what else reads one of them, such as a model of dbt.

    Raises:
        LakehouseError: a name is not declared.
    """
    workspace = workspace_of(workspace)
    package = project_package(workspace)
    names = [name_of(asset_of(workspace, target)) for target in targets]
    return behind(graph_of(workspace, package, parse=False), names, assets_of(package))
