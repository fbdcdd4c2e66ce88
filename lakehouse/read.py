"""What an asset reads: a position that is cheap to ask for, and the rows between two positions.

Two open functions, `position_of` and `load`; a room that brings a new kind of input registers it with both.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import singledispatch
from typing import TYPE_CHECKING, Any

from lakehouse.errors import LakehouseError
from lakehouse.history import version_of
from lakehouse.table import Changes, Foreign, Table, quote
from lakehouse.workspace import Workspace

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


@dataclass(frozen=True)
class ReadContext:
    """Who reads, where, and in which batch.

    Args:
        workspace: The workspace.
        connect: Gives the session; called only when rows are needed.
        reader: `layer.entities` that the rows are for.
        batch_id: Identifies what one run reads.
    """

    workspace: Workspace
    connect: "Callable[[], SparkSession]"
    reader: str
    batch_id: str


@singledispatch
def position_of(source: object, context: ReadContext) -> Any:
    """How far `source` can be read now, as a JSON value. Starts no job.

    Raises:
        LakehouseError: there is nothing to read from yet.
    """
    raise TypeError(f"{context.reader} cannot read a {type(source).__name__}")


@singledispatch
def load(source: object, context: ReadContext, since: Any, position: Any) -> Any:
    """What `source` holds after `since` and up to `position`; all of it where `since` is None."""
    raise TypeError(f"{context.reader} cannot read a {type(source).__name__}")


@singledispatch
def dependency(source: object) -> str | None:
    """The `layer.entities` that must be fresh before `source` is read; None where it is no asset."""
    return None


@singledispatch
def is_incremental(source: object) -> bool:
    """Whether a run reads only what is new, so that changed code alone gives nothing to do."""
    return False


def snapshot(session: "SparkSession", name: str, version: int) -> "DataFrame":
    """The rows of a table at a version."""
    return session.sql(f"SELECT * FROM {quote(name)} VERSION AS OF {int(version)}")


def _version(name: str, context: ReadContext) -> int:
    version = version_of(context.workspace, name)
    if version is None:
        raise LakehouseError(
            f"{context.reader} reads {name}, which does not exist in {context.workspace.warehouse}. "
            f"Materialise {name} first."
        )
    return version


@position_of.register(Table)
@position_of.register(Foreign)
def _(source: Table | Foreign, context: ReadContext) -> int:
    return _version(source.name, context)


@position_of.register(Changes)
def _(source: Changes, context: ReadContext) -> int:
    return _version(source.table.name, context)


@load.register(Table)
@load.register(Foreign)
def _(source: Table | Foreign, context: ReadContext, since: int | None, position: int) -> "DataFrame":
    return snapshot(context.connect(), source.name, position)


@load.register(Changes)
def _(source: Changes, context: ReadContext, since: int | None, position: int) -> "DataFrame":
    session, name = context.connect(), source.table.name
    if since is None:
        return snapshot(session, name, position)
    if since >= position:
        return snapshot(session, name, position).limit(0)
    changed = session.sql(f"SELECT * FROM table_changes('{name}', {since + 1}, {int(position)})")
    return changed.where("_change_type IN ('insert', 'update_postimage')").select(*source.table.column_names)


@dependency.register(Table)
@dependency.register(Foreign)
def _(source: Table | Foreign) -> str:
    return source.name


@dependency.register(Changes)
def _(source: Changes) -> str:
    return source.table.name


@is_incremental.register(Changes)
def _(source: Changes) -> bool:
    return True
