"""Assets are found in their packages: a new file in `assets/` needs no list to be edited."""

import sys
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from types import ModuleType
from typing import Any

from lakehouse.dagster.dbt_assets import DbtProject
from lakehouse.dagster.table_asset import TableAsset
from lakehouse.declare.table import Table
from lakehouse.errors import LakehouseError, near_miss
from lakehouse.workspace import Workspace


def modules(package: ModuleType) -> Iterator[ModuleType]:
    """A package and all modules in it."""
    yield package
    for found in walk_packages(package.__path__, package.__name__ + "."):
        yield import_module(found.name)


def declared(package: ModuleType, kind: type[Any]) -> list[Any]:
    """The module-level values of a kind, once each, in the order of their modules' names."""
    found = {
        id(value): value for module in modules(package) for value in vars(module).values() if isinstance(value, kind)
    }
    return list(found.values())


def table_assets(package: ModuleType) -> list[TableAsset]:
    """The table assets of a package, by table name."""
    return sorted(declared(package, TableAsset), key=lambda asset: asset.table.name)


def project_package(workspace: Workspace) -> ModuleType:
    """The package `assets` of the workspace's project.

    Raises:
        LakehouseError: the project has none, or another package of that name was imported before.
    """
    project = workspace.settings.project
    if not (project / "assets" / "__init__.py").exists():
        raise LakehouseError(
            f"{project} has no package `assets`. Run in the project's folder, or set LAKEHOUSE_PROJECT to it."
        )
    if str(project) not in sys.path:
        sys.path.insert(0, str(project))
    package = import_module("assets")
    if Path(package.__path__[0]).resolve() != (project / "assets").resolve():
        raise LakehouseError(f"`assets` was imported from {package.__path__[0]} already, not from {project}.")
    return package


def project_tables(workspace: Workspace) -> list[Table]:
    """The tables that the workspace's project declares, by name.

    Raises:
        LakehouseError: there is no project.
    """
    return [asset.table for asset in table_assets(project_package(workspace))]


def chosen(tables: Sequence[Table], names: Sequence[str]) -> list[Table]:
    """The tables of these names; all of them where no name is given.

    Raises:
        LakehouseError: a name is not declared.
    """
    known = {table.name: table for table in tables}
    for name in names:
        if name not in known:
            near = near_miss(name, list(known))
            raise LakehouseError(f"{name} is not declared in assets/" + (f" (did you mean `{near}`?)" if near else ""))
    return [known[name] for name in names] if names else list(tables)


def dagster_assets(package: ModuleType) -> list[Any]:
    """Everything in a package that Dagster can materialise or check."""
    found: list[Any] = [asset.definition for asset in table_assets(package)]
    for project in declared(package, DbtProject):
        found.extend(project.definitions)
    found.extend(
        value.definition for value in declared(package, object) if getattr(type(value), "is_dagster_asset", False)
    )
    return found
