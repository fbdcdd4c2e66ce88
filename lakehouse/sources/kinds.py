"""Which functions answer for which kind of input: one table. A room above adds its own kind to it."""

from collections.abc import Mapping
from typing import Any

from lakehouse.declare.table import ByPartition, Changes, Foreign, Table
from lakehouse.declare.write_modes import Overwrite, ReplacePartitions
from lakehouse.errors import DeclarationError
from lakehouse.sources.files import LINES, Lines
from lakehouse.sources.parquet import PARQUET_FILES, ParquetFiles
from lakehouse.sources.source import ReadContext, SourceKind
from lakehouse.sources.tables import BY_PARTITION, CHANGES, SNAPSHOT

KINDS: dict[type, SourceKind] = {
    Table: SNAPSHOT,
    Foreign: SNAPSHOT,
    Changes: CHANGES,
    ByPartition: BY_PARTITION,
    Lines: LINES,
    ParquetFiles: PARQUET_FILES,
}


def kind_of(source: object) -> SourceKind:
    """What a source is.

    Raises:
        DeclarationError: it is nothing that can be read.
    """
    kind = KINDS.get(type(source))
    if kind is None:
        known = ", ".join(sorted(readable.__name__ for readable in KINDS))
        raise DeclarationError(f"a {type(source).__name__} cannot be read by an asset: expected one of {known}")
    return kind


def check_reader(table: Table, reads: Mapping[str, Any]) -> None:
    """Whether a table can be made of what it reads.

    Raises:
        DeclarationError: it reads what is no source, would replace its rows by those that are new, would take a part of
            the keys for all of them, or does not keep the columns by which a later run knows what was read.
    """
    for name, source in reads.items():
        kind = kind_of(source)
        if table.takes_snapshots and (kind.instead or isinstance(source, ByPartition)):
            given = "only what is new" if kind.instead else "only its partitions"
            whole = kind.instead if kind.instead and not isinstance(source, Changes) else "the table itself"
            raise DeclarationError(
                f"{table.name} reads `{name}` from {type(source).__name__}, which gives a run {given}, and a snapshot "
                f"deletes every key that it leaves out: read {whole}, or declare Scd2 without `snapshot`. Nothing was "
                f"read, and the table is as it was."
            )
        if kind.instead and isinstance(table.write, Overwrite | ReplacePartitions):
            raise DeclarationError(
                f"{table.name} reads `{name}` from {type(source).__name__}, which gives a run only what is new, and as "
                f"{type(table.write).__name__} it would replace its rows by that alone: read {kind.instead}, or "
                f"declare Append or Merge. Nothing was read, and the table is as it was."
            )
        lacking = [column for column in kind.kept if column not in table.column_names]
        if lacking:
            raise DeclarationError(
                f"{table.name} reads `{name}` from {type(source).__name__}, and a later run knows by its column "
                f"`{lacking[0]}` what it has read: expected the column, got {', '.join(table.column_names)}. Declare "
                f"it and let the transform keep it. Nothing was read, and the table is as it was."
            )


def position_of(source: object, context: ReadContext) -> Any:
    """How far `source` can be read now, as a JSON value. Starts no job.

    Raises:
        LakehouseError: there is nothing to read from yet.
    """
    return kind_of(source).position(source, context)


def load(source: object, context: ReadContext, since: Any, position: Any) -> Any:
    """What `source` holds after `since` and up to `position`; all of it if `since` is None."""
    return kind_of(source).load(source, context, since, position)


def dependency(source: object) -> str | None:
    """The `layer.entities` that must be fresh before `source` is read; None if it is no asset."""
    return kind_of(source).dependency(source)


def is_incremental(source: object) -> bool:
    """Whether a run reads only what is new, so that changed code alone gives nothing to do."""
    return kind_of(source).is_incremental


def why_lost(source: object, context: ReadContext, since: Any, position: Any) -> str | None:
    """Why what is new after `since` cannot be told any more; None if it can. Starts no job."""
    return kind_of(source).why_lost(source, context, since, position)


def identity_of(source: object, context: ReadContext) -> str | None:
    """What tells `source` from another one that came to stand in its place; None if nothing does. Starts no job."""
    return kind_of(source).identity(source, context)


def can_reread(source: object) -> bool:
    """Whether all that `source` holds now can be read again at any time, and is all that it stands for."""
    return kind_of(source).can_reread


def of_partition(source: object, position: Any, key: str) -> Any:
    """The part of a position that one partition of the reader depends on."""
    return kind_of(source).of_partition(source, position, key)
