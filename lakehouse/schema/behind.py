"""The tables behind a table: its quarantine, and what a merge remembers of deleted keys. They change as it does."""

from dataclasses import replace
from typing import TYPE_CHECKING

from lakehouse.declare.column import Column
from lakehouse.declare.table import Table, deleted_of, quarantine_of
from lakehouse.declare.write_modes import Merge
from lakehouse.delta.tables import Tables
from lakehouse.schema.create import quarantine_table
from lakehouse.schema.difference import Difference
from lakehouse.schema.differences import differences
from lakehouse.schema.stored import stored_of
from lakehouse.workspace import Workspace

if TYPE_CHECKING:
    from deltalake import DeltaTable


def deleted_table(table: Table) -> Table:
    """Where a merge with a sequence remembers what it deleted: key and sequence of the newest deletion."""
    kept = {*table.key, *table.sequence}
    columns = tuple(Column(c.name, c.type, c.comment) for c in table.brought if c.name in kept)
    return Table(
        deleted_of(table.name),
        columns=columns,
        grain=f"one row per deleted key of {table.name}, its newest deletion",
        write=Merge(on=table.key, sequence=table.sequence),
    )


def remembers(table: Table) -> bool:
    """Whether a table remembers the keys that were deleted in it."""
    return isinstance(table.write, Merge) and bool(table.sequence and table.write.delete_when)


def behind(tables: Tables, table: Table) -> tuple[Table, ...]:
    """The declarations of the tables behind a table that are there; their columns are renamed as the table's."""
    made = [quarantine_table(table)] if tables.latest(quarantine_of(table.name)) is not None else []
    if remembers(table) and tables.latest(deleted_of(table.name)) is not None:
        made.append(deleted_table(table))
    named = {column.name: column.renamed_from for column in table.brought}
    return tuple(
        replace(
            declared,
            columns=tuple(replace(column, renamed_from=named.get(column.name)) for column in declared.columns),
        )
        for declared in made
    )


def without_kept_columns(table: Table, differing: tuple[Difference, ...]) -> tuple[Difference, ...]:
    """A quarantine keeps columns that its table has no more: they are in the rows that wait there."""
    is_quarantine = table.layer == "quarantine"
    return tuple(difference for difference in differing if not (is_quarantine and difference.kind == "drop column"))


def differing_behind(tables: Tables, table: Table) -> tuple[Difference, ...]:
    """What must change in the tables behind a table before rows can be brought to it; named with their table.

    Columns that a quarantine lacks are added when it is needed, and words stop nothing.
    """
    every: list[Difference] = []
    for declared in behind(tables, table):
        stored = stored_of(tables.workspace, declared.name, tables.latest(declared.name))
        differing = () if stored is None else without_kept_columns(declared, differences(declared, stored))
        lacks = ("add column", "comment column", "comment table", "set property")
        can_wait = lacks if declared.layer == "quarantine" else lacks[1:]
        every += [
            replace(difference, name=f"{declared.name}.{difference.name}")
            for difference in differing
            if difference.kind not in can_wait
        ]
    return tuple(every)


def is_other(workspace: Workspace, declared: Table, delta: "DeltaTable") -> bool:
    """Whether a table has other columns than it is declared with."""
    stored = stored_of(workspace, declared.name, delta)
    return stored is not None and {(column.name, column.type) for column in stored.columns} != {
        (column.name, column.type) for column in declared.columns
    }
