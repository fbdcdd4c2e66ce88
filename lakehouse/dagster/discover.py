"""Assets are found in their packages: a new file in `assets/` needs no list to be edited."""

import sys
import traceback
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from types import ModuleType
from typing import Any, TypeVar

from lakehouse.dagster.feature_asset import FeatureAsset
from lakehouse.dagster.model_asset import ModelAsset
from lakehouse.dagster.table_asset import TableAsset
from lakehouse.declare.table import Table
from lakehouse.engine.failure import OF_CODE
from lakehouse.errors import DeclarationError, LakehouseError, near_miss
from lakehouse.workspace import Workspace

# What a project declares one by one; the models of dbt come from its manifest.
Asset = TableAsset | ModelAsset | FeatureAsset
Declared = TypeVar("Declared")


def modules(package: ModuleType) -> Iterator[ModuleType]:
    """A package and all modules in it.

    Raises:
        DeclarationError: one of them does not load.
    """
    yield package
    for module in walk_packages(package.__path__, package.__name__ + ".", onerror=_raised):
        yield _imported(module.name)


def _raised(name: str) -> None:
    """What `walk_packages` calls for a package that does not load, while its error is handled."""
    _imported(name)


def _imported(name: str) -> ModuleType:
    """A module of a project.

    Raises:
        DeclarationError: it does not load.
    """
    try:
        return import_module(name)
    except LakehouseError:
        raise
    except Exception as error:
        raise DeclarationError(
            f"`{name}` does not load ({_place(error, name)}): {_words(error)}.\n"
            f"Mend it there. Nothing was read, and every table is as it was."
        ) from error


def _place(error: Exception, name: str) -> str:
    """The last place in the project that an error came from, or where Python stopped reading."""
    if isinstance(error, SyntaxError):
        return f"{error.filename}, line {error.lineno}"
    frames = traceback.extract_tb(error.__traceback__)
    folder = f"/{name.partition('.')[0]}/"
    last = ([frame for frame in frames if folder in frame.filename] or frames)[-1]
    return f"{last.filename}, line {last.lineno}"


def _words(error: Exception) -> str:
    kind = type(error).__name__
    if isinstance(error, SyntaxError):
        return f"{kind}: {error.msg}"
    return f"{kind}: {error}" if isinstance(error, OF_CODE) else kind


def declared(package: ModuleType, kind: Any) -> list[Any]:
    """The module-level values of a kind, once each, in the order of their modules' names."""
    values = {
        id(value): value for module in modules(package) for value in vars(module).values() if isinstance(value, kind)
    }
    return list(values.values())


def assets_of(package: ModuleType) -> dict[str, Asset]:
    """The assets that a package declares, by their `layer.entities`, in the order of the names.

    Raises:
        DeclarationError: two assets have one name.
    """
    assets: dict[str, Asset] = {}
    for asset in sorted(declared(package, Asset), key=lambda asset: str(asset.key)):
        if asset.key in assets:
            raise DeclarationError(f"{asset.key} is declared by two assets of `{package.__name__}`: rename one of them")
        assets[asset.key] = asset
    return assets


def table_assets(package: ModuleType) -> list[TableAsset]:
    """The table assets of a package, by table name."""
    return sorted(declared(package, TableAsset), key=lambda asset: asset.table.name)


def project_package(workspace: Workspace) -> ModuleType:
    """The package `assets` of the workspace's project.

    Raises:
        LakehouseError: the project has none, or another package of that name was imported before.
        DeclarationError: it does not load.
    """
    project = workspace.settings.project
    if not (project / "assets" / "__init__.py").exists():
        raise LakehouseError(
            f"{project} has no package `assets`. Run in the project's folder, or set LAKEHOUSE_PROJECT to it."
        )
    if str(project) not in sys.path:
        sys.path.insert(0, str(project))
    package = _imported("assets")
    if Path(package.__path__[0]).resolve() != (project / "assets").resolve():
        raise LakehouseError(f"`assets` was imported from {package.__path__[0]} already, not from {project}.")
    return package


def project_tables(workspace: Workspace) -> list[Table]:
    """The tables that the workspace's project declares, by name.

    Raises:
        LakehouseError: there is no project.
    """
    return [asset.table for asset in table_assets(project_package(workspace))]


def by_name(declarations: Mapping[str, Declared], name: str) -> Declared:
    """The one of this name.

    Raises:
        LakehouseError: none is declared under it.
    """
    if name not in declarations:
        near = near_miss(name, list(declarations))
        raise LakehouseError(f"{name} is not declared in assets/" + (f" (did you mean `{near}`?)" if near else ""))
    return declarations[name]
