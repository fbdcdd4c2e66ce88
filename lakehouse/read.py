"""What an asset reads: a position that is cheap to ask for, and the rows between two positions.

Open functions; a room that brings a new kind of input registers it with `position_of`, `load` and what else it needs.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import singledispatch
from typing import TYPE_CHECKING, Any

from lakehouse.declare.sql_text import quote
from lakehouse.declare.table import ByPartition, Changes, Foreign, Table
from lakehouse.declare.write_modes import Append, Overwrite, ReplacePartitions, Scd2
from lakehouse.delta.change_feed import gained_files, lost_feed
from lakehouse.delta.history import open_table
from lakehouse.delta.partition_digests import digests
from lakehouse.delta.row_changes import last_alike, news_of
from lakehouse.errors import LakehouseError
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
        partitions: Keys of the partitions that the run is for; None where it is for the whole table.
        files: Where an input of files notes the names of those that it reads.
    """

    workspace: Workspace
    connect: "Callable[[], SparkSession]"
    reader: str
    batch_id: str
    partitions: tuple[str, ...] | None = None
    files: list[str] = field(default_factory=list)


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


@singledispatch
def gone(source: object, context: ReadContext, since: Any, position: Any) -> str | None:
    """Why what is new after `since` cannot be told any more; None where it can. Starts no job."""
    return None


@singledispatch
def of_partition(source: object, position: Any, key: str) -> Any:
    """The part of a position that one partition of the reader depends on: all of it, unless the kind knows better."""
    return position


def snapshot(session: "SparkSession", name: str, version: int) -> "DataFrame":
    """The rows of a table at a version."""
    return session.sql(f"SELECT * FROM {quote(name)} VERSION AS OF {int(version)}")


def _news(name: str, context: ReadContext) -> int:
    """The version of a table that changed its rows last: a compaction of an input is nothing new."""
    version = news_of(context.workspace, name)
    if version is None:
        raise LakehouseError(
            f"{context.reader} reads {name}, which does not exist in {context.workspace.warehouse}. "
            f"Materialise {name} first."
        )
    return version


def _rows(name: str, context: ReadContext, version: int) -> "DataFrame":
    """The rows of a table at a version, from files that are kept longest."""
    return snapshot(context.connect(), name, last_alike(context.workspace, name, version))


# --- a table as it is at a version ---


@position_of.register(Table)
@position_of.register(Foreign)
def _(source: Table | Foreign, context: ReadContext) -> int:
    return _news(source.name, context)


@load.register(Table)
@load.register(Foreign)
def _(source: Table | Foreign, context: ReadContext, since: int | None, position: int) -> "DataFrame":
    return _rows(source.name, context, position)


@dependency.register(Table)
@dependency.register(Foreign)
def _(source: Table | Foreign) -> str:
    return source.name


# --- the rows that a table gained ---


@position_of.register(Changes)
def _(source: Changes, context: ReadContext) -> int:
    return _news(source.table.name, context)


@load.register(Changes)
def _(source: Changes, context: ReadContext, since: int | None, position: int) -> "DataFrame":
    from pyspark.sql import functions as F

    session, name = context.connect(), source.table.name
    if since is None or since >= position:
        frame = _rows(name, context, position).select(*source.table.stored_names)
        frame = frame if since is None else frame.limit(0)
        return frame.withColumn(Changes.MARK, F.lit(False)) if source.deletes else frame
    gained = _gained(source, context, since, position)
    if gained is not None:
        return _net(source, gained)
    return _net(source, session.sql(f"SELECT * FROM table_changes('{name}', {since + 1}, {int(position)})"))


def _gained(source: Changes, context: ReadContext, since: int, position: int) -> "DataFrame | None":
    """The feed as it would be without the rows before, read from the files that came; None where that cannot be."""
    import json
    from functools import reduce

    from pyspark.sql import DataFrame
    from pyspark.sql import functions as F
    from pyspark.sql.types import StructType

    files = gained_files(context.workspace, source.table.name, since, position)
    delta = open_table(context.workspace, source.table.name)
    if files is None or delta is None or not any(files.values()):
        return None
    if delta.metadata().configuration.get("delta.columnMapping.mode", "none") != "none":
        return None
    schema = StructType.fromJson(json.loads(delta.schema().to_json()))
    frames = [
        context.connect()
        .read.schema(schema)
        .parquet(*paths)
        .withColumns({"_change_type": F.lit("insert"), "_commit_version": F.lit(version)})
        for version, paths in files.items()
        if paths
    ]
    return reduce(DataFrame.unionByName, frames)


def _net(source: Changes, changed: "DataFrame") -> "DataFrame":
    """What became of each row in the end, where a key tells which rows are one; else each row that was added."""
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    table = source.table
    after = changed.where("_change_type != 'update_preimage'")
    after = after.withColumn(Changes.MARK, F.col("_change_type") == "delete")
    keys = (*table.key, *(table.sequence if isinstance(table.write, Scd2) else ()))
    # A replaced row is deleted and inserted in one version: the insert is what stays.
    if keys:
        last = Window.partitionBy(*keys).orderBy(F.desc("_commit_version"), Changes.MARK)
        after = after.withColumn("_place", F.row_number().over(last)).where("_place = 1")
    elif source.deletes and isinstance(table.write, Append | Overwrite | ReplacePartitions):
        raise LakehouseError(
            f"changes(deletes=True) of {table.name} was not read: without a key a deleted row cannot be told from "
            f"a replaced one. Read {table.name} as it is, or declare it as a Merge."
        )
    if source.deletes:
        return after.select(*table.stored_names, Changes.MARK)
    return after.where(~F.col(Changes.MARK)).select(*table.stored_names)


@dependency.register(Changes)
def _(source: Changes) -> str:
    return source.table.name


@is_incremental.register(Changes)
def _(source: Changes) -> bool:
    return True


@gone.register(Changes)
def _(source: Changes, context: ReadContext, since: int, position: int) -> str | None:
    return lost_feed(context.workspace, source.table.name, since, position)


# --- the partitions of a table that the reader's run is for ---


@position_of.register(ByPartition)
def _(source: ByPartition, context: ReadContext) -> dict[str, Any]:
    version = _news(source.table.name, context)
    delta = open_table(context.workspace, source.table.name)
    assert delta is not None  # noqa: S101 - it has a version
    return {"version": version, "partitions": digests(delta, source.table.partitioned_by[0], context.partitions)}


@load.register(ByPartition)
def _(source: ByPartition, context: ReadContext, since: Any, position: dict[str, Any]) -> "DataFrame":
    from pyspark.sql import functions as F

    frame = _rows(source.table.name, context, position["version"])
    if context.partitions is None:
        return frame
    return frame.where(F.col(source.table.partitioned_by[0]).cast("string").isin(*context.partitions))


@dependency.register(ByPartition)
def _(source: ByPartition) -> str:
    return source.table.name


@of_partition.register(ByPartition)
def _(source: ByPartition, position: dict[str, Any], key: str) -> Any:
    return position["partitions"].get(key)
