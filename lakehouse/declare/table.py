"""What a table is: a frozen declaration. It is pure (no Spark, no Dagster), so importing it costs nothing."""

import re
from dataclasses import dataclass, field
from typing import Any, ClassVar

from lakehouse.declare.column import Column, renamed_by_apply
from lakehouse.declare.histories import check_history, columns_of_history
from lakehouse.declare.names import IS_DELETED, OF_HISTORIES, OF_QUARANTINES, SAME_AT
from lakehouse.declare.properties import check_properties
from lakehouse.declare.sql_text import quote
from lakehouse.declare.write_modes import Append, Merge, ReplacePartitions, Scd2, WriteMode
from lakehouse.errors import DeclarationError, near_miss

LAYERS = ("bronze", "silver", "gold", "ml")
INTERNAL_LAYERS = ("quarantine", "ops")
ALL_LAYERS = (*LAYERS, *INTERNAL_LAYERS)
# Of a decimal below zero delta-rs makes no value; floating point has two zeros and many texts for one number.
_OF_PARTITIONS = re.compile(r"string|boolean|tinyint|smallint|int|bigint|date|timestamp|timestamp_ntz")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}\Z")


def schema_of(columns: "tuple[Column, ...]") -> str:
    """Columns as a DDL string."""
    return ", ".join(f"{quote(column.name)} {column.type}" for column in columns)


def deleted_of(name: str) -> str:
    """Where a merge with a sequence remembers the deleted keys of `layer.entities`."""
    return f"ops.deleted_{name.replace('.', '_')}"


def quarantine_of(name: str) -> str:
    """Where the rejected rows of `layer.entities` wait."""
    return f"quarantine.{name.replace('.', '_')}"


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
        clustered_by: Columns by which the files are clustered (liquid clustering); such a table is published by SQL.
        constraints: Name and SQL condition that is true for every row; a row against it goes to quarantine.
        properties: Delta table properties beside the ones that the library sets; of Delta's own those with which
            all engines read the table (docs/how-to/add-a-table.md).
        max_rejected: Share of a batch, from 0 to 1, that may be rejected; of a run of partitions, of each. Beyond it
            nothing is published, the run fails, and the rejected rows are withheld in quarantine with their reasons
            until the batch is read again. None: half of a batch of at least 20 rows. 1 for a table that takes what
            is good of whatever comes.

    Raises:
        DeclarationError: a name, layer, column or property that cannot be.
    """

    name: str
    columns: tuple[Column, ...]
    grain: str
    write: WriteMode = field(default_factory=Append)
    partitioned_by: tuple[str, ...] = ()
    clustered_by: tuple[str, ...] = ()
    constraints: tuple[tuple[str, str], ...] = ()
    properties: tuple[tuple[str, str], ...] = ()
    max_rejected: float | None = None

    def __post_init__(self) -> None:
        layer, _, entity = self.name.partition(".")
        if layer not in ALL_LAYERS or not _NAME.match(entity):
            raise DeclarationError(
                f"table `{self.name}`: expected <layer>.<entities> with a layer of {', '.join(LAYERS)}"
            )
        names = [column.name for column in self.brought]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice or not self.columns:
            raise DeclarationError(f"{self.name}: columns must be given once each, got {', '.join(twice) or 'none'}")
        for name in (*self.key, *self.sequence, *self.partitioned_by, *self.clustered_by):
            if name not in names:
                hint = near_miss(name, names)
                raise DeclarationError(
                    f"{self.name}: `{name}` is no column of it" + (f" (did you mean `{hint}`?)" if hint else "")
                )
        self._check_names()
        self._check_mode()
        if self.max_rejected is not None and not 0 <= self.max_rejected <= 1:
            raise DeclarationError(
                f"{self.name}: max_rejected is a share of a batch, expected 0 to 1, got {self.max_rejected}"
            )
        check_properties(self.name, self.properties, only_adds=isinstance(self.write, Append))

    def _check_names(self) -> None:
        """No column has the name of one that the door puts beside it: in the table, or in its quarantine."""
        added = set(OF_HISTORIES) if isinstance(self.write, Scd2) else set()
        if isinstance(self.write, Scd2) and self.write.joins_equal_states:
            added.add(SAME_AT)
        # A signal is not stored; this one is what `changes(deletes=True)` gives.
        taken = (added & set(self.column_names)) | ((added - {IS_DELETED}) & set(self.brought_names))
        if self.layer in LAYERS:
            taken |= set(OF_QUARANTINES) & set(self.brought_names)
        for name in sorted(taken):
            whose = "its quarantine" if name in OF_QUARANTINES else "a history"
            raise DeclarationError(
                f"{self.name}: no column of it can be called `{name}`, {whose} has a column of this name for itself. "
                f"Choose another one. {renamed_by_apply(name)}"
            )

    def _check_mode(self) -> None:
        if isinstance(self.write, ReplacePartitions) and not self.partitioned_by:
            raise DeclarationError(f"{self.name}: ReplacePartitions needs `partitioned_by`, for example ('read_on',)")
        if isinstance(self.write, Scd2):
            check_history(self.name, self.write, self.types)
        for name in self.partitioned_by:
            if not _OF_PARTITIONS.fullmatch(self.types[name]):
                raise DeclarationError(
                    f"{self.name}: it cannot be partitioned by `{name}`, which is {self.types[name]}. A Delta log "
                    f"holds the values of partitions as text, and this type has none that each engine reads alike. "
                    f"Partition by a string, boolean, whole number, date or timestamp, or by nothing."
                )
        if self.partitioned_by and self.clustered_by:
            raise DeclarationError(f"{self.name}: give `partitioned_by` or `clustered_by`, Delta allows one of them")

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
        """Names of the declared columns, in their order."""
        return tuple(column.name for column in self.columns)

    @property
    def stored(self) -> tuple[Column, ...]:
        """The columns that the table has: the declared ones, then those that the write mode adds."""
        if not isinstance(self.write, Scd2):
            return self.columns
        return (*self.columns, *columns_of_history(self.write, self.types))

    @property
    def stored_names(self) -> tuple[str, ...]:
        """Names of the table's columns, in their order."""
        return tuple(column.name for column in self.stored)

    @property
    def brought(self) -> tuple[Column, ...]:
        """The columns that a batch must have: the declared ones, then the write mode's signals."""
        return (*self.columns, *self.write.signals) if isinstance(self.write, Merge | Scd2) else self.columns

    @property
    def brought_names(self) -> tuple[str, ...]:
        """Names of the batch's columns, in their order."""
        return tuple(column.name for column in self.brought)

    @property
    def types(self) -> dict[str, str]:
        """Types of the batch's columns by name, each in its one spelling."""
        return {column.name: column.type for column in self.brought}

    @property
    def key(self) -> tuple[str, ...]:
        """Key columns of a write mode that has them, else nothing."""
        return self.write.on if isinstance(self.write, Merge | Scd2) else ()

    @property
    def sequence(self) -> tuple[str, ...]:
        """Columns that order the changes of a key, where the write mode declares them."""
        return self.write.sequence if isinstance(self.write, Merge | Scd2) else ()

    @property
    def takes_snapshots(self) -> bool:
        """Whether it is a history of which each batch is all keys as they are."""
        return isinstance(self.write, Scd2) and self.write.snapshot

    @property
    def required(self) -> tuple[str, ...]:
        """Columns that are never null: declared so, key, and sequence of a history."""
        never = {*self.key, *(self.sequence if isinstance(self.write, Scd2) else ())}
        return tuple(column.name for column in self.brought if not column.nullable or column.name in never)

    @property
    def stored_required(self) -> tuple[str, ...]:
        """Columns of the table that are never null: those of `required` that are stored, and a history's own."""
        return tuple(column.name for column in self.stored if not column.nullable or column.name in self.required)

    @property
    def schema(self) -> str:
        """The batch's columns as a DDL string, for `spark.read.schema` and `createDataFrame`."""
        return schema_of(self.brought)

    def changes(self, *, deletes: bool = False) -> "Changes":
        """The rows that are new or changed since the last committed position of the reader.

        Args:
            deletes: Give the deleted rows too, and `_is_deleted boolean` with each row, for a `Merge` or `Scd2` that
                declares it as a signal. Of a history, the deletions that it holds are marked so too; of one that takes
                snapshots or does not keep equal states, these alone.

        Raises:
            DeclarationError: deleted rows are asked for, and the table declares a column `_is_deleted` of its own.
        """
        return Changes(self, deletes)

    def by_partition(self) -> "ByPartition":
        """The partitions that the reader's run is for. A partition is made again only where its files are others."""
        return ByPartition(self)

    def to_json(self) -> dict[str, Any]:
        """The declaration as plain values, for digests and `--json`."""
        from dataclasses import asdict

        values = asdict(self) | {"write": {"mode": type(self.write).__name__, **asdict(self.write)}}
        # What is not declared is no part of the declaration: its digest is that of one that does not know the limit.
        return {name: value for name, value in values.items() if name != "max_rejected" or value is not None}


@dataclass(frozen=True)
class Changes:
    """The rows that a table gained since the version that the reader committed last.

    Args:
        table: The table.
        deletes: Whether deleted rows are given too, marked by `_is_deleted`.
    """

    MARK: ClassVar[str] = IS_DELETED

    table: Table
    deletes: bool = False

    def __post_init__(self) -> None:
        if self.deletes and self.MARK in self.table.column_names:
            raise DeclarationError(
                f"{self.table.name}.changes(deletes=True): the deleted rows are marked in a column `{self.MARK}`, and "
                f"the table declares one of its own. Call that one otherwise. {renamed_by_apply(self.MARK)}"
            )


@dataclass(frozen=True)
class ByPartition:
    """The partitions of a table that the reader's run is for; all of them in a run for the whole table."""

    table: Table

    def __post_init__(self) -> None:
        if len(self.table.partitioned_by) != 1:
            raise DeclarationError(
                f"{self.table.name}.by_partition(): it must be partitioned by one column, "
                f"got {', '.join(self.table.partitioned_by) or 'none'}"
            )


@dataclass(frozen=True)
class Foreign:
    """A table that another tool writes (dbt, say). Its suite, if there is one, is audited before it is read.

    Args:
        name: `layer.entities`.
    """

    name: str
