"""What a table is: a frozen declaration. It is pure (no Spark, no Dagster), so importing it costs nothing."""

import re
from dataclasses import dataclass, field
from typing import Any

from lakehouse.errors import DeclarationError, near_miss
from lakehouse.modes import Append, Merge, WriteMode

LAYERS = ("bronze", "silver", "gold", "ml")
INTERNAL_LAYERS = ("quarantine", "ops")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}\Z")
_COLUMN = re.compile(r"[a-z_][a-z0-9_]{0,126}\Z")


def quote(identifier: str) -> str:
    """`identifier` as Spark SQL wants it. The only place where an identifier is quoted."""
    return ".".join("`" + part.replace("`", "``") + "`" for part in identifier.split("."))


def quarantine_of(name: str) -> str:
    """Where the rejected rows of `layer.entities` wait."""
    return f"quarantine.{name.replace('.', '_')}"


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Args:
        name: Lower case with its unit or kind (`_id`, `_at`, `_bpm`, `is_`); our own additions begin with `_`.
        type: Spark SQL type, as in DDL.
        comment: What it holds, for people; it becomes the column's comment in the catalogue.
        nullable: False makes null a broken rule (the row goes to quarantine) and NOT NULL in the table.
        tags: Free labels, such as `pii`.
    """

    name: str
    type: str
    comment: str
    nullable: bool = True
    tags: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not _COLUMN.match(self.name):
            raise DeclarationError(f"column `{self.name}`: use lower case letters, digits and _, for example `read_at`")


@dataclass(frozen=True)
class Table:
    """A table: name, grain, columns and the way a batch is written.

    Args:
        name: `layer.entities`; also the asset key, the database and table, the path below the warehouse, and the
            name of the suite `expectations/<layer>/<entities>.json`.
        grain: What one row is, in words.
        columns: In the order of the table.
        write: The write mode.
        partitioned_by: Columns that partition the files; prefer none.
        properties: Delta table properties beside the ones that the library sets.

    Raises:
        DeclarationError: a name, layer, or column that cannot be.
    """

    name: str
    columns: tuple[Column, ...]
    grain: str
    write: WriteMode = field(default_factory=Append)
    partitioned_by: tuple[str, ...] = ()
    properties: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        layer, _, entity = self.name.partition(".")
        if layer not in LAYERS + INTERNAL_LAYERS or not _NAME.match(entity):
            raise DeclarationError(
                f"table `{self.name}`: expected <layer>.<entities> with a layer of {', '.join(LAYERS)}"
            )
        names = [column.name for column in self.columns]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice or not names:
            raise DeclarationError(f"{self.name}: columns must be given once each, got {', '.join(twice) or 'none'}")
        keys = self.write.on + self.write.sequence if isinstance(self.write, Merge) else ()
        for name in keys + self.partitioned_by:
            if name not in names:
                hint = near_miss(name, names)
                raise DeclarationError(
                    f"{self.name}: `{name}` is no column of it" + (f" (did you mean `{hint}`?)" if hint else "")
                )

    @property
    def layer(self) -> str:
        """The database: bronze, silver, gold or ml."""
        return self.name.partition(".")[0]

    @property
    def entity(self) -> str:
        """The name within the layer."""
        return self.name.partition(".")[2]

    @property
    def column_names(self) -> tuple[str, ...]:
        """Names in the table's order."""
        return tuple(column.name for column in self.columns)

    @property
    def key(self) -> tuple[str, ...]:
        """Key columns of a merge, else nothing."""
        return self.write.on if isinstance(self.write, Merge) else ()

    @property
    def schema(self) -> str:
        """The columns as a DDL string, for `spark.read.schema` and `createDataFrame`."""
        return ", ".join(f"{quote(c.name)} {c.type}" for c in self.columns)

    def changes(self) -> "Changes":
        """The rows that are new since the last committed position of the reader."""
        return Changes(self)

    def to_json(self) -> dict[str, Any]:
        """The declaration as plain values, for digests and `--json`."""
        from dataclasses import asdict

        return asdict(self) | {"write": {"mode": type(self.write).__name__, **asdict(self.write)}}


@dataclass(frozen=True)
class Changes:
    """The rows that a table gained since the version that the reader committed last."""

    table: Table


@dataclass(frozen=True)
class Foreign:
    """A table that another tool writes (dbt, say). Its suite, if there is one, is audited before it is read.

    Args:
        name: `layer.entities`.
    """

    name: str
