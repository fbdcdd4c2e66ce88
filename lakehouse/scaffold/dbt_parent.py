"""The table that a new dbt model reads and that dbt makes itself, as its properties describe it. Asks no server."""

from collections.abc import Iterator, Mapping
from typing import Any

from lakehouse.declare.column import Column
from lakehouse.declare.table import Table
from lakehouse.declare.write_modes import Append, Merge
from lakehouse.errors import LakehouseError
from lakehouse.scaffold.blueprint import title


def dbt_parent(manifest: Mapping[str, Any], unique_id: str) -> tuple[Table, str]:
    """A table that dbt makes, and the name by which `ref` knows it.

    Its key is the column whose tests are `unique` and `not_null`. Columns are required by the test `not_null`, or by
    the constraint of that name.

    Args:
        manifest: dbt's.
        unique_id: Of the model.

    Raises:
        LakehouseError: its properties do not say which columns it has, or of which type they are.
    """
    node = manifest["nodes"][unique_id]
    name, described = f"{node['schema']}.{node['alias']}", node["columns"]
    untyped = [column for column, properties in described.items() if not properties.get("data_type")]
    if untyped or not described:
        lacking = f"a `data_type` for {', '.join(untyped)}" if untyped else "its columns, each with a `data_type`"
        raise LakehouseError(
            f"{name} is made by dbt, and its properties do not say what it has. Give it {lacking} in the yml beside "
            f"{node['original_file_path']}."
        )
    tests = set(_tests(manifest, unique_id))
    columns = tuple(
        Column(
            column,
            properties["data_type"],
            properties.get("description") or title(column),
            nullable=("not_null", column) not in tests,
        )
        for column, properties in described.items()
    )
    key = [column.name for column in columns if ("unique", column.name) in tests and not column.nullable]
    return Table(name, columns, _grain(node, name), Merge(on=(key[0],)) if key else Append()), node["name"]


def _tests(manifest: Mapping[str, Any], unique_id: str) -> Iterator[tuple[str, str]]:
    """The tests and constraints of single columns: what is tested, and of which column."""
    for node in manifest["nodes"].values():
        if node["resource_type"] == "test" and node.get("attached_node") == unique_id and node.get("test_metadata"):
            yield node["test_metadata"]["name"], node.get("column_name") or ""
    for column, properties in manifest["nodes"][unique_id]["columns"].items():
        yield from ((constraint["type"], column) for constraint in properties.get("constraints") or ())


def _grain(node: Mapping[str, Any], name: str) -> str:
    """What a row is: the first sentence of the description where it says so."""
    first = node.get("description", "").partition(".")[0].strip()
    return first.lower()[:1] + first[1:] if first.lower().startswith("one row") else f"one row of {name}"
