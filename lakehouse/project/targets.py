"""What a call is about: an asset or a table, given itself or by its name, in the workspace that was given or is set."""

from lakehouse.dagster.discover import Asset, assets_of, by_name, project_package
from lakehouse.dagster.table_asset import TableAsset
from lakehouse.declare.table import Foreign, Table
from lakehouse.errors import LakehouseError
from lakehouse.workspace import Workspace, current_workspace

Target = str | Table | Foreign | Asset


def workspace_of(workspace: Workspace | None) -> Workspace:
    """The workspace that was given, or the one that the settings of this process name."""
    return workspace or current_workspace()


def name_of(target: Target) -> str:
    """`layer.entities` of an asset or a table; a name is taken as it is."""
    if isinstance(target, str):
        return target
    return target.name if isinstance(target, Table | Foreign) else target.key


def asset_of(workspace: Workspace, target: Target) -> Asset:
    """The asset that is meant; a name is looked up in the project's `assets/`.

    Raises:
        LakehouseError: the project declares no asset of this name.
    """
    if isinstance(target, str | Table | Foreign):
        return by_name(assets_of(project_package(workspace)), name_of(target))
    return target


def table_of(workspace: Workspace, target: Target) -> Table:
    """The declaration that is meant; a name is looked up in the project's `assets/`.

    Raises:
        LakehouseError: the project declares no table of this name.
    """
    if isinstance(target, Table):
        return target
    asset = asset_of(workspace, target)
    if not isinstance(asset, TableAsset):
        raise LakehouseError(f"{asset.key} is no table that this project declares, but a {type(asset).__name__}.")
    return asset.table
