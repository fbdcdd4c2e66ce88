"""A table that is declared and not where it is kept: was it renamed on disk, or is it only not made yet?"""

import json
from collections.abc import Collection

from lakehouse.declare.table import Table
from lakehouse.delta.history import history, open_table
from lakehouse.delta.tables import table_names
from lakehouse.errors import UNREADABLE, TableMissingError, near_miss
from lakehouse.schema.dropped import FOLDER, unfinished
from lakehouse.workspace import Workspace


def missing(
    workspace: Workspace, table: Table, declared: Collection[str] = (), *, is_in_catalogue: bool = False
) -> TableMissingError | None:
    """The error where a table was there once and is not now; None where it is there, or never was. Starts no job.

    Args:
        workspace: Where the tables are.
        table: The declaration.
        declared: Names of all tables that are declared or belong to another tool. A folder of another name with the
            same columns is then seen as the table under its old name; with nothing given, only what was written as
            this table is.
        is_in_catalogue: The catalogue knows the table, so that it was there.
    """
    if open_table(workspace, table.name) is not None:
        return None
    folder = workspace.table_path(table.name)
    drop = unfinished(workspace, table.name)
    if drop is not None:
        kept = f"{workspace.warehouse}/{FOLDER}/{drop.table}/{drop.id}"
        return TableMissingError(
            table.name,
            folder,
            None,
            f"A drop of it, or its restore, was cut off; its rows are in {kept}. `lakehouse restore {table.name}` "
            f"brings it back, `lakehouse drop {table.name} --yes` finishes the drop.",
        )
    strays = [name for name in table_names(workspace) if name != table.name and name not in declared]
    for name in strays:
        if _written_as(workspace, name) == table.name:
            return TableMissingError(
                table.name,
                folder,
                name,
                f"{workspace.table_path(name)} holds what was written as {table.name}. Move the folder back, "
                f"or declare the table as {name}.",
            )
    if is_in_catalogue:
        return TableMissingError(
            table.name,
            folder,
            None,
            f"The catalogue knows {table.name}, and no folder of {workspace.warehouse} holds its rows. Restore the "
            f"folder, or begin anew after `lakehouse drop {table.name} --yes`, which takes it out of the catalogue.",
        )
    near = (
        near_miss(table.name, [name for name in strays if _has_columns(workspace, name, table)]) if declared else None
    )
    if near is None:
        return None
    return TableMissingError(
        table.name,
        folder,
        near,
        f"{near} has its columns, and nothing declares it any more (did you rename it in the declaration?). "
        f"Declare it as {near} again, or `lakehouse drop {near}` to begin anew.",
    )


def _written_as(workspace: Workspace, name: str) -> str | None:
    """The name under which the door wrote a folder last; None if that cannot be read."""
    try:
        notes = [commit.note for commit in history(workspace, name, 20)]
    except UNREADABLE:
        return None
    return next((note.asset for note in notes if note is not None and note.asset is not None), None)


def _has_columns(workspace: Workspace, name: str, table: Table) -> bool:
    try:
        delta = open_table(workspace, name)
    except UNREADABLE:
        return False
    fields = json.loads(delta.schema().to_json())["fields"] if delta is not None else []
    return {field["name"] for field in fields} == set(table.stored_names)
