"""A column of a table, as a frozen value."""

import re
from dataclasses import dataclass

from lakehouse.declare.names import is_reserved
from lakehouse.declare.types import canonical
from lakehouse.errors import DeclarationError

_COLUMN = re.compile(r"[a-z_][a-z0-9_]{0,126}\Z")


def renamed_by_apply(name: str) -> str:
    """What to do about a column that is stored under a name that cannot be declared."""
    return f'A column that is stored as `{name}` gets its new name by `renamed_from="{name}"` and `lakehouse apply`.'


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Args:
        name: Lower case with its unit or kind (`_id`, `_at`, `_bpm`, `is_`); our own additions begin with `_`.
        type: Spark SQL type, as in DDL; kept in one spelling, so `Integer` becomes `int` (docs/how-to/add-a-table.md).
        comment: What it holds, for people; it becomes the column's comment in the catalogue.
        nullable: False makes null a broken rule (the row goes to quarantine) and NOT NULL in the table.
        tags: Free labels, such as `pii`.
        renamed_from: The stored name, where the column was called otherwise before; `lakehouse apply` renames it.
    """

    name: str
    type: str
    comment: str
    nullable: bool = True
    tags: tuple[str, ...] = ()
    renamed_from: str | None = None

    def __post_init__(self) -> None:
        if not _COLUMN.match(self.name):
            raise DeclarationError(f"column `{self.name}`: use lower case letters, digits and _, for example `read_at`")
        if is_reserved(self.name):
            raise DeclarationError(
                f"column `{self.name}`: the door or the engine uses this name for itself, choose another one. "
                + renamed_by_apply(self.name)
            )
        try:
            object.__setattr__(self, "type", canonical(self.type))
        except DeclarationError as error:
            raise DeclarationError(f"column `{self.name}`: {error}") from None
