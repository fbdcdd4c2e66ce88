"""What an asset can read: a position that is cheap to ask for, and the rows between two positions."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lakehouse.delta.tables import Tables
from lakehouse.workspace import Workspace

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@dataclass(frozen=True)
class ReadContext:
    """Who reads, where, and in which batch.

    Args:
        tables: The tables that the run touches.
        connect: Gives the session; called only when rows are needed.
        reader: `layer.entities` that the rows are for.
        batch_id: Identifies what one run reads.
        partitions: Keys of the partitions that the run is for; None where it is for the whole table.
        files: Where an input of files notes the names of those that it reads.
    """

    tables: Tables
    connect: "Callable[[], SparkSession]"
    reader: str
    batch_id: str
    partitions: tuple[str, ...] | None = None
    files: list[str] = field(default_factory=list)

    @property
    def workspace(self) -> Workspace:
        """Where the tables are."""
        return self.tables.workspace


def _is_no_asset(source: Any) -> None:
    return None


def _is_never_lost(source: Any, context: ReadContext, since: Any, position: Any) -> None:
    return None


def _has_no_identity(source: Any, context: ReadContext) -> None:
    return None


def _whole_position(source: Any, position: Any, key: str) -> Any:
    return position


@dataclass(frozen=True)
class SourceKind:
    """What one kind of input answers. `lakehouse.sources.kinds.KINDS` says which kind a source is of.

    Args:
        position: How far a source can be read now, as a JSON value. Starts no job.
        load: What a source holds after `since` and up to `position`; all of it if `since` is None.
        dependency: The `layer.entities` that must be fresh before the source is read; None if it is no asset.
        is_incremental: Whether a run reads only what is new, so that changed code alone gives nothing to do.
        why_lost: Why what is new after `since` cannot be told any more; None if it can. Starts no job.
        of_partition: The part of a position that one partition of the reader depends on; all of it unless the kind
            knows better.
        identity: What tells a source from another one that came to stand in its place; None if nothing does. A position
            means something for one identity alone. Starts no job.
        can_reread: Whether all that a source holds now can be read again at any time, and is all that it stands for.
        kept: Columns of the frame that the reader's table must keep: they say what it has read.
        instead: What a table that replaces its rows reads instead, if this kind gives a run only some of them; empty
            if it gives what is to stand there.
    """

    position: Callable[[Any, ReadContext], Any]
    load: Callable[[Any, ReadContext, Any, Any], Any]
    dependency: Callable[[Any], str | None] = _is_no_asset
    is_incremental: bool = False
    why_lost: Callable[[Any, ReadContext, Any, Any], str | None] = _is_never_lost
    of_partition: Callable[[Any, Any, str], Any] = _whole_position
    identity: Callable[[Any, ReadContext], str | None] = _has_no_identity
    can_reread: bool = True
    kept: tuple[str, ...] = ()
    instead: str = ""
