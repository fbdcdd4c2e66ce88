"""The table that something new reads, as the project declares it."""

from collections.abc import Sequence
from dataclasses import dataclass

from lakehouse.dagster.discover import modules, project_package, table_assets
from lakehouse.declare.column import Column
from lakehouse.declare.table import LAYERS, Table
from lakehouse.errors import DeclarationError, LakehouseError, near_miss
from lakehouse.scaffold.blueprint import Field
from lakehouse.workspace import Workspace

# Is null in every published row: a table that reads another one has no use for it.
_ALWAYS_NULL = "_unreadable"


@dataclass(frozen=True)
class Parent:
    """A declared table and its place in the code.

    Args:
        table: The declaration.
        constant: The name that it has in its module.
        module: That module.
    """

    table: Table
    constant: str
    module: str


def readable_columns(table: Table) -> tuple[Column, ...]:
    """What a reader takes: all stored columns but `_unreadable`."""
    return tuple(column for column in table.stored if column.name != _ALWAYS_NULL)


def refuse_declared(workspace: Workspace, name: str) -> None:
    """A new table must not be there already.

    Raises:
        LakehouseError: it is.
    """
    if name in [asset.table.name for asset in table_assets(project_package(workspace))]:
        raise LakehouseError(f"{name} is declared already. Change its file in assets/ and run `lakehouse plan {name}`.")


def parent_of(workspace: Workspace, name: str, reads: str) -> Parent:
    """The declaration of `reads`, for a table `name` that will read it.

    Raises:
        LakehouseError: it is not declared, or is in a later layer, or cannot be imported by a name.
    """
    package = project_package(workspace)
    tables = {asset.table.name: asset.table for asset in table_assets(package)}
    if reads not in tables:
        near = near_miss(reads, list(tables))
        raise LakehouseError(f"{reads} is not declared in assets/" + (f" (did you mean `{near}`?)" if near else ""))
    table = tables[reads]
    refuse_back(name, reads)
    for module in modules(package):
        for constant, value in vars(module).items():
            if value is table and module.__name__ == f"assets.{reads}":
                return Parent(table, constant, module.__name__)
    raise LakehouseError(f"{reads} is no module-level name in assets/{reads.replace('.', '/')}.py.")


def refuse_back(name: str, reads: str) -> None:
    """A table must not read a later layer, nor the workspace's own tables.

    Raises:
        LakehouseError: `reads` is in one, or is such a table.
    """
    layer = reads.partition(".")[0]
    if layer not in LAYERS or LAYERS.index(layer) > LAYERS.index(name.partition(".")[0]):
        raise LakehouseError(f"{name} cannot read {reads}: layers read {' -> '.join(LAYERS)}, never back.")


def taken(parent: Table, name: str, columns: Sequence[Column] | None) -> tuple[Field, ...]:
    """The columns that a table `name` takes from its parent: those given, else all.

    Raises:
        DeclarationError: the parent has no such column.
    """
    if columns is None:
        return tuple(Field(_as_declared(column), column.name) for column in readable_columns(parent))
    types = {column.name: column.type for column in parent.stored}
    for column in columns:
        if column.name not in types:
            near = near_miss(column.name, list(types))
            raise DeclarationError(
                f"{name}: `{column.name}` is no column of {parent.name}"
                + (f" (did you mean `{near}`?)" if near else "")
                + ". Name columns that it has, and add what is computed from them to the asset's function afterwards."
            )
    return tuple(Field(column, column.name, is_cast=types[column.name] != column.type) for column in columns)


def _as_declared(column: Column) -> Column:
    """The parent's column without what concerns the parent's own files."""
    return Column(column.name, column.type, column.comment, nullable=column.nullable, tags=column.tags)
