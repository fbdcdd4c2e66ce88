"""The models of a dbt project as its manifest describes them, in the order in which each finds what it reads."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from graphlib import TopologicalSorter
from typing import Any

from lakehouse.errors import LakehouseError

# What dbt stores, and Dagster shows as an asset.
_STORED = frozenset({"model", "seed", "snapshot"})
_VIEWS = frozenset({"view", "materialized_view"})


@dataclass(frozen=True)
class Model:
    """A model, seed or snapshot of dbt that is stored, and the tests that hang on it.

    Args:
        unique_id: dbt's.
        table: `layer.entities`.
        tests: dbt's ids and names of its tests.
        selector: What selects it on dbt's command line, its version included.
        sources: Tables outside of dbt that it reads, by itself or through ephemeral models.
        parents: Tables of dbt that it reads in the same way.
        materialized: How dbt stores it.
    """

    unique_id: str
    table: str
    tests: tuple[tuple[str, str], ...] = ()
    selector: str = ""
    sources: tuple[str, ...] = ()
    parents: tuple[str, ...] = ()
    materialized: str = "table"


def models_of(manifest: Mapping[str, Any]) -> tuple[Model, ...]:
    """What a manifest says is stored, each after those that it reads, with the tests that belong to each.

    An ephemeral model is part of those that read it.
    """
    nodes = manifest["nodes"]
    tests: dict[str, list[tuple[str, str]]] = {}
    for unique_id, node in nodes.items():
        if node["resource_type"] == "test":
            owner = node.get("attached_node") or next(iter(node["depends_on"]["nodes"]), "")
            tests.setdefault(owner, []).append((unique_id, node["name"]))
    reads = {
        unique_id: [*dict.fromkeys(_read_by(unique_id, nodes))]
        for unique_id, node in sorted(nodes.items())
        if node["resource_type"] in _STORED and not is_ephemeral(node)
    }
    order = TopologicalSorter({unique_id: [one for one in read if one in nodes] for unique_id, read in reads.items()})
    sources = manifest["sources"]
    return tuple(
        Model(
            unique_id,
            table_of(nodes[unique_id]),
            tuple(tests.get(unique_id, ())),
            "fqn:" + ".".join(nodes[unique_id]["fqn"]),
            tuple(table_of(sources[one]) for one in reads[unique_id] if one in sources),
            tuple(table_of(nodes[one]) for one in reads[unique_id] if one in nodes),
            nodes[unique_id].get("config", {}).get("materialized", "table"),
        )
        for unique_id in order.static_order()
    )


def table_of(node: Mapping[str, Any]) -> str:
    """`layer.entities` of a node or a source of a manifest."""
    return f"{node['schema']}.{node['identifier' if node['resource_type'] == 'source' else 'alias']}"


def refuse_views(models: Sequence[Model]) -> None:
    """Refuse what is no table.

    Raises:
        LakehouseError: a model is a view.
    """
    views = [f"{model.table} ({model.materialized})" for model in models if model.materialized in _VIEWS]
    if views:
        raise LakehouseError(
            f"dbt would make {', '.join(views)}: expected a table, got a view. Trino cannot read a view of Spark, and "
            f"a view has no version that could be audited. Nothing was built, and what is there is as it was. Set "
            f"`materialized` to `table` or `incremental`, or to `ephemeral` if no other tool reads it."
        )


def _read_by(unique_id: str, nodes: Mapping[str, Any]) -> Iterator[str]:
    """What a node reads: sources, and what is stored."""
    for parent in nodes[unique_id].get("depends_on", {}).get("nodes", ()):
        if parent in nodes and is_ephemeral(nodes[parent]):
            yield from _read_by(parent, nodes)
        elif parent not in nodes or nodes[parent]["resource_type"] in _STORED:
            yield parent


def is_ephemeral(node: Mapping[str, Any]) -> bool:
    """Whether dbt stores nothing for a node of a manifest: its text becomes part of those that read it."""
    return bool(node.get("config", {}).get("materialized") == "ephemeral")
