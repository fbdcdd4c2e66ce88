"""The project's own graph: what it declares, and what reads what. From its assets, its suites and dbt's manifest."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from lakehouse.dagster.dbt_assets import DbtProject, has_suite
from lakehouse.dagster.dbt_process import FOLDER, manifest_of, parsed_manifest
from lakehouse.dagster.discover import Asset, assets_of, declared
from lakehouse.dagster.feature_asset import FeatureAsset
from lakehouse.dagster.model_asset import ModelAsset
from lakehouse.dagster.table_asset import TableAsset
from lakehouse.errors import LakehouseError, SuiteError
from lakehouse.quality.suite.expectation import OWN_TYPES
from lakehouse.quality.suite.suite import load_suite
from lakehouse.sources.kinds import dependency
from lakehouse.workspace import Workspace
from lakehouse.write.table_rules import suite_name

# What dbt makes of a node that is stored as a table.
_STORED = ("model", "seed", "snapshot")


@dataclass(frozen=True)
class Reader:
    """Something of the project that reads a table.

    Args:
        name: `layer.entities`, or dbt's name of it.
        kind: What it is: `asset`, `model`, `feature view`, `suite`, `dbt model`, `dbt exposure`.
        table: What it reads.
    """

    name: str
    kind: str
    table: str

    def __str__(self) -> str:
        return f"the {self.kind} {self.name}" if self.kind != "suite" else f"the suite of {self.name}"


@dataclass(frozen=True)
class Graph:
    """What a project declares and reads.

    Args:
        declared: What declares a table (`asset`, `dbt model`), by `layer.entities`.
        readers: Who reads what.
        not_known: Why a part of the graph is not known, in sentences; empty if all of it is.
    """

    declared: Mapping[str, str]
    readers: tuple[Reader, ...]
    not_known: tuple[str, ...] = ()

    def readers_of(self, name: str) -> tuple[Reader, ...]:
        """Who reads `layer.entities`, but for itself."""
        return tuple(reader for reader in self.readers if reader.table == name and reader.name != name)

    @property
    def known(self) -> frozenset[str]:
        """The tables that the project declares or reads: one that it reads only is another tool's or project's."""
        return frozenset(self.declared) | {reader.table for reader in self.readers}


def graph_of(workspace: Workspace, package: ModuleType, *, parse: bool) -> Graph:
    """The graph of a project. Asks no server.

    Args:
        workspace: Where its dbt manifest is kept.
        package: The package of its assets.
        parse: Have dbt parse its project if its manifest is older than its files; else that part is not known.
    """
    own = graph_of_assets(workspace, assets_of(package).values())
    made_by_dbt: dict[str, str] = {}
    readers, not_known = list(own.readers), list(own.not_known)
    for folder in _dbt_folders(workspace, package):
        try:
            manifest = manifest_of(workspace, folder) if parse else parsed_manifest(workspace, folder)
        except LakehouseError as error:
            not_known.append(str(error))
            continue
        if manifest is None:
            not_known.append(
                f"The dbt project {folder} was not parsed since it changed (`lakehouse dbt parse` does it)."
            )
            continue
        made_by_dbt |= dict(dbt_tables(manifest).values())
        readers += _dbt_reads(manifest)
    of_suites = _suites(workspace, made_by_dbt)
    return Graph({**own.declared, **made_by_dbt}, (*readers, *of_suites.readers), (*not_known, *of_suites.not_known))


def graph_of_assets(workspace: Workspace, assets: Collection[Asset]) -> Graph:
    """What these assets and their suites read."""
    kinds = {asset.key: _kind_of(asset) for asset in assets}
    of_suites = _suites(workspace, kinds)
    readers = tuple(reader for asset in assets for reader in _reads(asset))
    return Graph(kinds, (*readers, *of_suites.readers), of_suites.not_known)


def _suites(workspace: Workspace, names: Iterable[str]) -> Graph:
    """What the suites of these tables read."""
    readers: list[Reader] = []
    not_known: list[str] = []
    for name in names:
        try:
            readers += _suite_reads(workspace, name)
        except SuiteError as error:
            not_known.append(str(error))
    return Graph({}, tuple(readers), tuple(not_known))


def _kind_of(asset: Asset) -> str:
    return {TableAsset: "asset", ModelAsset: "model", FeatureAsset: "feature view"}[type(asset)]


def _reads(asset: Asset) -> Iterator[Reader]:
    if isinstance(asset, FeatureAsset):
        sources: list[str | None] = [asset.features.table]
    elif isinstance(asset, ModelAsset):
        sources = [source.name for source in asset.reads.values()]
    else:
        sources = [dependency(source) for source in asset.reads.values()]
    yield from (Reader(asset.key, _kind_of(asset), source) for source in sources if source)


def _suite_reads(workspace: Workspace, name: str) -> Iterator[Reader]:
    """The tables in which the rules of a suite look keys up."""
    if not has_suite(workspace, name):
        return
    suite = load_suite(workspace.settings.project / suite_name(name), None)
    for expectation in suite.expectations if suite else ():
        if expectation.type in OWN_TYPES:
            yield Reader(name, "suite", str(expectation.kwargs["table"]))


def _dbt_folders(workspace: Workspace, package: ModuleType) -> list[Path]:
    """The dbt projects of this one: those that are assets, and the one that `lakehouse dbt` works on."""
    own = workspace.settings.project / FOLDER
    folders = [project.path(workspace) for project in declared(package, DbtProject)]
    return list(dict.fromkeys([*folders, *([own] if (own / "dbt_project.yml").exists() else [])]))


def dbt_tables(manifest: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """What dbt makes: `layer.entities` and kind, by its unique id."""
    return {
        unique_id: (f"{node['schema']}.{node['alias']}", f"dbt {node['resource_type']}")
        for unique_id, node in manifest["nodes"].items()
        if node["resource_type"] in _STORED and node.get("config", {}).get("materialized") != "ephemeral"
    }


def _dbt_reads(manifest: Mapping[str, Any]) -> Iterator[Reader]:
    made = {unique_id: name for unique_id, (name, _) in dbt_tables(manifest).items()}
    sources = {
        unique_id: f"{source['schema']}.{source['identifier']}" for unique_id, source in manifest["sources"].items()
    }
    tables = made | sources
    nodes = {**manifest["nodes"], **manifest.get("exposures", {})}
    for unique_id, node in nodes.items():
        if node["resource_type"] not in (*_STORED, "exposure"):
            continue
        name = made.get(unique_id, node["name"])
        for parent in node.get("depends_on", {}).get("nodes", ()):
            if parent in tables:
                yield Reader(name, f"dbt {node['resource_type']}", tables[parent])
