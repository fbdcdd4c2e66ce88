"""One difference between a declaration and what is stored, and the SQL that is common to them. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

from lakehouse.declare.sql_text import quote
from lakehouse.declare.table import Table
from lakehouse.schema.stored import Stored, StoredColumn

# Head and tail of the statements that take a list. Tried with Delta 4.4: each list is one commit. A column may stand in
# a list once.
_LISTS = (("SET TBLPROPERTIES (", ")"), ("ADD COLUMNS (", ")"), ("ALTER COLUMN ", ""))


@dataclass(frozen=True)
class Difference:
    """One difference between a declaration and what is stored.

    Args:
        kind: What would change, such as `add column`.
        name: Column, property or constraint; empty for the table itself.
        stored: What is stored, in words.
        declared: What is declared, in words.
        statements: SQL that makes it as declared, in order; empty where it is refused.
        against: SQL that counts the rows that speak against it; empty where none can.
        way_out: What to do where it is refused, or where rows are against it.
    """

    kind: str
    name: str
    stored: str
    declared: str
    statements: tuple[str, ...] = ()
    against: str = ""
    way_out: str = ""

    @property
    def is_safe(self) -> bool:
        """Whether `lakehouse apply` does it; where `against` is given, only if it counts no row."""
        return bool(self.statements)

    def __str__(self) -> str:
        return f"{self.kind}{f' `{self.name}`' if self.name else ''}: stored {self.stored}, declared {self.declared}"


def alter(table: Table, change: str) -> str:
    """An ALTER TABLE statement."""
    return f"ALTER TABLE {quote(table.name)} {change}"


def together(table: Table, differences: Sequence[Difference]) -> tuple[str, ...]:
    """The statements of several differences; what Delta takes in one statement, and so in one commit, is joined."""
    parts: dict[tuple[str, str], dict[str, None]] = {}
    for statement in chain.from_iterable(difference.statements for difference in differences):
        heads = ((alter(table, head), tail) for head, tail in _LISTS)
        head, tail = next(((head, tail) for head, tail in heads if statement.startswith(head)), (statement, ""))
        parts.setdefault((head, tail), {})[statement[len(head) : len(statement) - len(tail)]] = None
    return tuple(f"{head}{', '.join(listed)}{tail}" for (head, tail), listed in parts.items())


def origins_of(table: Table, stored: Stored) -> dict[str, StoredColumn]:
    """The stored column of each declared one: of its name, or of the name it had."""
    held = {column.name: column for column in stored.columns}
    origins = {column.name: held[column.name] for column in table.stored if column.name in held}
    for column in table.stored:
        if column.name not in origins and column.renamed_from in held and column.renamed_from not in table.stored_names:
            origins[column.name] = held[column.renamed_from]
    return origins


def null_rule(column: str) -> str:
    """Name of the constraint that forbids nulls: Delta adds no NOT NULL to a column that is there."""
    return f"{column}_is_not_null"


def forbid_null(table: Table, column: str) -> str:
    """The statement that forbids nulls in a column that is there."""
    return alter(table, f"ADD CONSTRAINT {quote(null_rule(column))} CHECK ({quote(column)} IS NOT NULL)")


def forbids_null(stored: Stored, column: str) -> bool:
    """Whether a constraint forbids nulls in a column."""
    return any(
        " ".join(sql.replace("`", "").split()).lower() == f"{column} is not null" for _, sql in stored.constraints
    )


def freed(table: Table, stored: Stored, column: str) -> tuple[str, ...]:
    """Constraints on a column keep Delta from changing it; they are taken off, and come back as they are declared."""
    names = [name for name, sql in stored.constraints if re.search(rf"(?i)\b{re.escape(column)}\b", sql)]
    return tuple(alter(table, f"DROP CONSTRAINT IF EXISTS {quote(name)}") for name in names)
