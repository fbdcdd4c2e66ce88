"""Tables as inputs: as they are at a version, the rows that they gained, the partitions of a run."""

from typing import TYPE_CHECKING, Any

from lakehouse.declare.names import helper
from lakehouse.declare.sql_text import quote
from lakehouse.declare.table import ByPartition, Changes, Foreign, Table
from lakehouse.declare.write_modes import Append, Overwrite, ReplacePartitions, Scd2
from lakehouse.delta.change_feed import added_files, why_lost
from lakehouse.delta.partition_digests import partition_digests
from lakehouse.delta.partition_values import condition, text_of
from lakehouse.delta.row_changes import last_row_change, newest_with_same_rows
from lakehouse.delta.tables import id_of
from lakehouse.errors import LakehouseError
from lakehouse.sources.source import ReadContext, SourceKind
from lakehouse.storage import no_pattern

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession

# What the reading adds to the rows of a feed, each quoted.
_IS_GONE, _PLACE = quote(helper("is-gone")), quote(helper("place"))


def snapshot(session: "SparkSession", name: str, version: int) -> "DataFrame":
    """The rows of a table at a version."""
    return session.sql(f"SELECT * FROM {quote(name)} VERSION AS OF {int(version)}")


def _news(name: str, context: ReadContext) -> int:
    """The version of a table that changed its rows last: a compaction of an input is nothing new."""
    version = last_row_change(context.tables.opened(name))
    if version is None:
        raise LakehouseError(
            f"{context.reader} reads {name}, which does not exist in {context.workspace.warehouse}. "
            f"Materialise {name} first."
        )
    return version


def _identity(name: str, context: ReadContext) -> str | None:
    """Delta's id of a table: one that is dropped and made again has another."""
    return id_of(context.tables.opened(name))


def _rows(name: str, context: ReadContext, version: int) -> "DataFrame":
    """The rows of a table at a version, from files that are kept longest."""
    return snapshot(context.connect(), name, newest_with_same_rows(context.workspace, name, version))


# --- a table as it is at a version ---


def _position_of_table(source: Table | Foreign, context: ReadContext) -> int:
    return _news(source.name, context)


def _load_table(source: Table | Foreign, context: ReadContext, since: int | None, position: int) -> "DataFrame":
    return _rows(source.name, context, position)


def _dependency_of_table(source: Table | Foreign) -> str:
    return source.name


def _identity_of_table(source: Table | Foreign, context: ReadContext) -> str | None:
    return _identity(source.name, context)


# --- the rows that a table gained ---


def _position_of_changes(source: Changes, context: ReadContext) -> int:
    return _news(source.table.name, context)


def _load_changes(source: Changes, context: ReadContext, since: int | None, position: int) -> "DataFrame":
    from pyspark.sql import functions as F

    session, name = context.connect(), source.table.name
    if since is None or since >= position:
        frame = _rows(name, context, position).select(*source.table.stored_names)
        frame = frame if since is None else frame.limit(0)
        return frame.select(*_given(source, F.lit(False)))
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

    files = added_files(context.workspace, source.table.name, since, position)
    delta = context.tables.opened(source.table.name)
    if files is None or delta is None or not any(files.values()):
        return None
    if delta.metadata().configuration.get("delta.columnMapping.mode", "none") != "none":
        return None
    schema = StructType.fromJson(json.loads(delta.schema().to_json()))
    frames = [
        context.connect()
        .read.schema(schema)
        .parquet(*map(no_pattern, paths))
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
    after = after.withColumn(helper("is-gone"), F.col("_change_type") == "delete")
    keys = (*table.key, *(table.sequence if isinstance(table.write, Scd2) else ()))
    # A replaced row is deleted and inserted in one version: the insert is what stays.
    if keys:
        last = Window.partitionBy(*keys).orderBy(F.desc("_commit_version"), _IS_GONE)
        after = after.withColumn(helper("place"), F.row_number().over(last)).where(f"{_PLACE} = 1")
    elif source.deletes and isinstance(table.write, Append | Overwrite | ReplacePartitions):
        raise LakehouseError(
            f"changes(deletes=True) of {table.name} was not read: without a key a deleted row cannot be told from "
            f"a replaced one. Read {table.name} as it is, or declare it as a Merge."
        )
    # The key of a row that a history took back is not deleted: the history holds its deletions as rows.
    takes_back = isinstance(table.write, Scd2) and table.write.takes_rows_back
    after = after if source.deletes and not takes_back else after.where(f"NOT {_IS_GONE}")
    return after.select(*_given(source, F.col(_IS_GONE)))


def _given(source: Changes, is_gone: "Column") -> "list[Column]":
    """The columns that a reader is given. A history says itself which of its rows are deletions."""
    from pyspark.sql import functions as F

    stored, mark = source.table.stored_names, Changes.MARK
    if not source.deletes:
        return [F.col(quote(name)) for name in stored]
    is_deleted = is_gone | F.col(quote(mark)) if mark in stored else is_gone
    return [*(F.col(quote(name)) for name in stored if name != mark), is_deleted.alias(mark)]


def _dependency_of_part(source: Changes | ByPartition) -> str:
    return source.table.name


def _identity_of_part(source: Changes | ByPartition, context: ReadContext) -> str | None:
    return _identity(source.table.name, context)


def _why_lost(source: Changes, context: ReadContext, since: int, position: int) -> str | None:
    return why_lost(context.workspace, source.table.name, since, position)


# --- the partitions of a table that the reader's run is for ---


def _position_of_by_partition(source: ByPartition, context: ReadContext) -> dict[str, Any]:
    version = _news(source.table.name, context)
    delta = context.tables.opened(source.table.name)
    assert delta is not None  # noqa: S101 - it has a version
    return {
        "version": version,
        "partitions": partition_digests(delta, source.table.partitioned_by[0], context.partitions),
    }


def _load_by_partition(source: ByPartition, context: ReadContext, since: Any, position: dict[str, Any]) -> "DataFrame":
    frame, column = _rows(source.table.name, context, position["version"]), source.table.partitioned_by[0]
    if context.partitions is None:
        return frame
    type_ = source.table.types[column]
    texts = [text_of(key, type_, column) for key in context.partitions]
    return frame.where(" OR ".join(f"({condition({column: text}, {column: type_})})" for text in texts) or "false")


def _part_of_by_partition(source: ByPartition, position: dict[str, Any], key: str) -> Any:
    return position["partitions"].get(key)


SNAPSHOT = SourceKind(_position_of_table, _load_table, _dependency_of_table, identity=_identity_of_table)
CHANGES = SourceKind(
    _position_of_changes,
    _load_changes,
    _dependency_of_part,
    is_incremental=True,
    why_lost=_why_lost,
    identity=_identity_of_part,
    instead="the table itself, or its partitions by `by_partition()`",
)
BY_PARTITION = SourceKind(
    _position_of_by_partition,
    _load_by_partition,
    _dependency_of_part,
    of_partition=_part_of_by_partition,
    identity=_identity_of_part,
)
