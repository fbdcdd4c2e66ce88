"""What Dagster is told of a dbt project before anything is built: an asset for each model, a check for each test.

Made of dbt's manifest alone. dagster-dbt makes the same and imports all of dbt for it, two thirds of what it costs each
process to load a graph (docs/adr/0025-a-graph-without-dbt.md).
"""

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from lakehouse.dagster.dbt_models import Model, table_of

if TYPE_CHECKING:
    import dagster as dg

# What Dagster allows as a key of a tag; another tag of dbt is left out.
_TAG = re.compile(r"[A-Za-z0-9_.-]{1,63}(/[A-Za-z0-9_.-]{1,63})?")


def asset_spec(manifest: Mapping[str, Any], model: Model, digest: str) -> "dg.AssetSpec":
    """The asset that a model is: named as its table, and described, grouped, owned and tagged as dbt's properties say.

    `meta.dagster` of a model may have `group` and `owners`; else the group is dbt's own.

    Args:
        manifest: That of the project.
        model: One of its models.
        digest: What it is made of (`digests_of`).
    """
    import dagster as dg

    node = manifest["nodes"][model.unique_id]
    said = node.get("meta", {}).get("dagster", {})
    kinds = {"dbt", manifest["metadata"].get("adapter_type") or "spark"}
    return dg.AssetSpec(
        model.table.split("."),
        deps=[dg.AssetKey(name.split(".")) for name in dict.fromkeys((*model.sources, *model.parents))],
        description=_description(node),
        group_name=said.get("group") or node["config"].get("group"),
        owners=said.get("owners"),
        tags={tag: "" for tag in node.get("tags", ()) if _TAG.fullmatch(tag)},
        kinds=kinds,
        code_version=digest,
        metadata={
            "dagster/column_schema": _column_schema(node),
            "dagster/table_name": model.table,
            "dbt/materialized": model.materialized,
        },
    )


def check_specs(manifest: Mapping[str, Any], model: Model) -> "Iterator[dg.AssetCheckSpec]":
    """The checks that the tests of a model are; each after all that it reads; one that only warns blocks nothing."""
    import dagster as dg

    nodes = {**manifest["sources"], **manifest["nodes"]}
    for unique_id, name in model.tests:
        test = nodes[unique_id]
        read = [table_of(nodes[one]) for one in test["depends_on"]["nodes"] if one in nodes]
        yield dg.AssetCheckSpec(
            name,
            asset=dg.AssetKey(model.table.split(".")),
            description=test.get("meta", {}).get("description"),
            additional_deps=[dg.AssetKey(table.split(".")) for table in dict.fromkeys(read) if table != model.table],
            blocking=(test["config"].get("severity") or "error").lower() == "error",
        )


def _column_schema(node: Mapping[str, Any]) -> "dg.TableSchema":
    """The columns of a model, as its yml describes them."""
    import dagster as dg

    return dg.TableSchema(
        columns=[
            dg.TableColumn(name, column.get("data_type") or "?", description=column.get("description"))
            for name, column in node["columns"].items()
        ]
    )


def _description(node: Mapping[str, Any]) -> str:
    words = node.get("description") or f"dbt {node['resource_type']} {node['name']}"
    code = node.get("raw_code")
    return f"{words}\n\n#### Raw SQL:\n```sql\n{code}\n```" if code else words
