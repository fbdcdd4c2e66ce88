"""Assets are found in their packages: a new file in `assets/` needs no list to be edited."""

from collections.abc import Iterator
from importlib import import_module
from pkgutil import walk_packages
from types import ModuleType
from typing import Any

from lakehouse.asset import TableAsset
from lakehouse.dbt_assets import DbtProject


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


def dagster_assets(package: ModuleType) -> list[Any]:
    """Everything in a package that Dagster can materialise or check."""
    found: list[Any] = [asset.definition for asset in table_assets(package)]
    for project in declared(package, DbtProject):
        found.extend(project.definitions)
    found.extend(
        value.definition for value in declared(package, object) if getattr(type(value), "is_dagster_asset", False)
    )
    return found
