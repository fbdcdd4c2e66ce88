"""Declared against stored: what a table would have to change to be as it is declared. Pure; no server is asked."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from lakehouse.declare.sql_text import literal, quote
from lakehouse.declare.table import Table
from lakehouse.schema.column_differences import column_differences, dropped_columns, widening_left
from lakehouse.schema.create import KEY, PROPERTIES, key_text
from lakehouse.schema.difference import Difference, alter, null_rule, origins_of
from lakehouse.schema.stored import VECTORS, Stored, StoredColumn, stored_of
from lakehouse.workspace import Workspace

if TYPE_CHECKING:
    from deltalake import DeltaTable

# Trino takes the property of the newest version for all that a checkpoint says, also after a purge.
_STAYS = (
    "If it is not on, Trino gives the rows again that a checkpoint says are deleted. "
    f"Declare `{VECTORS}` as `true`, or declare a table of another name without it, fill it from this one, "
    "and read that one."
)
# Stored in the table's protocol, not as a property.
_FEATURE = "delta.feature."
_SPACES = re.compile(r"(?P<quoted>'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|`[^`]*`)?\s*")
# Of what differs in columns: each kind after what it needs, so that those of a kind can be made by one statement.
_ORDER = (
    *("rename column", "add column", "drop column", "widen type", "narrow type", "change type"),
    *("allow null", "forbid null", "comment column"),
)


def pending(workspace: Workspace, table: Table, delta: "DeltaTable | None" = None) -> tuple[Difference, ...]:
    """What a table that exists would have to change; nothing where it does not exist. Asks no server.

    Args:
        workspace: Where the table is.
        table: The declaration.
        delta: The table, where it is open already.
    """
    stored = stored_of(workspace, table.name, delta)
    return () if stored is None else differences(table, stored)


def differences(table: Table, stored: Stored) -> tuple[Difference, ...]:
    """What would have to change for the table to be as declared, in the order in which it can be done."""
    names = origins_of(table, stored)
    columns = sorted(column_differences(table, stored, names), key=lambda difference: _ORDER.index(difference.kind))
    widens = any(difference.kind == "widen type" for difference in columns)
    return (
        *_properties(table, stored),
        *_old_constraints(table, stored),
        *columns,
        *(() if widens else widening_left(table, stored)),
        *dropped_columns(table, stored, names),
        *_table_comment(table, stored),
        *_new_constraints(table, stored),
        *_layout(table, stored, names),
        *_key(table, stored, names),
    )


def _table_comment(table: Table, stored: Stored) -> Iterator[Difference]:
    if stored.comment != table.grain:
        comment = f"COMMENT ON TABLE {quote(table.name)} IS {literal(table.grain)}"
        yield Difference("comment table", "", f"`{stored.comment}`", f"`{table.grain}`", (comment,))


def _properties(table: Table, stored: Stored) -> Iterator[Difference]:
    held, properties = dict(stored.properties), dict(PROPERTIES + table.properties)
    for key, value in properties.items():
        same = held.get(key, "").lower() == value.lower() or key.removeprefix(_FEATURE) in stored.features
        if same:
            continue
        change = alter(table, f"SET TBLPROPERTIES ({literal(key)} = {literal(value)})")
        if key == VECTORS and value.lower() != "true" and "deletionVectors" in stored.features:
            yield Difference("set property", key, held.get(key, "nothing"), value, way_out=_STAYS)
        else:
            yield Difference("set property", key, held.get(key, "nothing"), value, (change,))
    if stored.has_stale_vectors and properties.get(VECTORS, "").lower() != "true":
        yield Difference("deletion vectors", "", "deleted rows that Trino may give again", "none", way_out=_STAYS)


def _declared_constraints(table: Table) -> dict[str, str]:
    return {name.lower(): sql.strip() for name, sql in table.constraints}


def _old_constraints(table: Table, stored: Stored) -> Iterator[Difference]:
    declared, kept = _declared_constraints(table), {null_rule(column) for column in table.stored_required}
    for name, sql in stored.constraints:
        if name not in declared and name not in kept:
            drop = alter(table, f"DROP CONSTRAINT IF EXISTS {quote(name)}")
            yield Difference("drop constraint", name, f"`{sql}`", "nothing", (drop,))


def _new_constraints(table: Table, stored: Stored) -> Iterator[Difference]:
    held = dict(stored.constraints)
    for name, sql in _declared_constraints(table).items():
        if name in held and _without_spaces(held[name]) == _without_spaces(sql):
            continue
        add = alter(table, f"ADD CONSTRAINT {quote(name)} CHECK ({sql})")
        drop = (alter(table, f"DROP CONSTRAINT IF EXISTS {quote(name)}"),) if name in held else ()
        yield Difference(
            "change constraint" if name in held else "add constraint",
            name,
            f"`{held[name]}`" if name in held else "nothing",
            f"`{sql}`",
            (*drop, add),
            against=f"SELECT count(*) FROM {quote(table.name)} WHERE NOT coalesce(({sql}), false)",
            way_out="Mend or delete them, or change the constraint.",
        )


def _without_spaces(sql: str) -> str:
    """A condition without the spaces between its words: Delta stores `length(a) < 9` as `length ( a ) < 9`."""
    return _SPACES.sub(r"\g<quoted>", sql)


def _layout(table: Table, stored: Stored, origins: dict[str, StoredColumn]) -> Iterator[Difference]:
    declared_name = {origin.name: name for name, origin in origins.items()}
    parts = tuple(declared_name.get(name, name) for name in stored.partitioned_by)
    clusters = tuple(declared_name.get(name, name) for name in stored.clustered_by)
    if parts != table.partitioned_by:
        yield Difference(
            "partition",
            "",
            _listed(parts),
            _listed(table.partitioned_by),
            way_out="The files lie by their partitions. Declare them as they are, or declare a table of another name, "
            "fill it from this one, and read that one.",
        )
    elif clusters != table.clustered_by:
        columns = ", ".join(quote(name) for name in table.clustered_by)
        change = alter(table, f"CLUSTER BY ({columns})" if columns else "CLUSTER BY NONE")
        yield Difference("cluster", "", _listed(clusters), _listed(table.clustered_by), (change,))


def _key(table: Table, stored: Stored, origins: dict[str, StoredColumn]) -> Iterator[Difference]:
    """Whether the rows are known to have the declared key. Tables that were made with one long ago do not say it."""
    held, declared = dict(stored.properties), key_text(table)
    before, columns = held.get(KEY, ""), [name for name in declared.split(", ") if name]
    made_with_key = KEY not in held and held.get(VECTORS) == "true"
    if before == declared or made_with_key:
        return
    stored_columns = tuple(name for name in before.split(", ") if name)
    declared_name = {origin.name: name for name, origin in origins.items()}
    is_renamed = [declared_name.get(name, name) for name in stored_columns] == columns
    change = f"SET TBLPROPERTIES ({literal(KEY)} = {literal(declared)})"
    names = ", ".join(map(quote, columns))
    twice = f"SELECT count(*) FROM (SELECT {names} FROM {quote(table.name)} GROUP BY {names} HAVING count(*) > 1)"
    yield Difference(
        "set key",
        "",
        _listed(stored_columns),
        _listed(tuple(columns)),
        (alter(table, change),),
        against=twice if columns and not is_renamed else "",
        way_out=f"They are keys that the table has more than once. `lakehouse run {table.name} --full` makes it again "
        f"from its inputs, or delete the rows too many by SQL; or declare another key.",
    )


def _listed(names: tuple[str, ...]) -> str:
    return f"by {', '.join(names)}" if names else "by nothing"
