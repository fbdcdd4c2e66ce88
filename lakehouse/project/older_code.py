"""The tables that were made by other code than the project has now, and what making them again would read."""

from collections.abc import Sequence
from dataclasses import replace

from lakehouse.dagster.table_asset import TableAsset
from lakehouse.delta.history import rows_of
from lakehouse.delta.tables import Tables
from lakehouse.errors import UNREADABLE
from lakehouse.schema.apply import TablePlan
from lakehouse.sources.kinds import dependency
from lakehouse.workspace import Workspace
from lakehouse.write.position import last_position


def with_older_code(workspace: Workspace, assets: Sequence[TableAsset], plans: Sequence[TablePlan]) -> list[TablePlan]:
    """Plans of tables, with those that were made by older code. From the logs and the project's files alone.

    Code is followed by what it uses: comments, and functions that it does not call, make no difference.
    """
    tables, planned = Tables(workspace), list(plans)
    for asset in assets:
        version = _made_by_older_code(tables, asset)
        if version is None:
            continue
        place = next((place for place, plan in enumerate(planned) if plan.table == asset.key), None)
        reads = tuple(_words(tables, name, source) for name, source in asset.reads.items())
        if place is None:
            planned.append(TablePlan(asset.key, version, (), rebuild_reads=reads))
        else:
            planned[place] = replace(planned[place], rebuild_reads=reads)
    return planned


def _made_by_older_code(tables: Tables, asset: TableAsset) -> int | None:
    """The version of a table whose last publish names other code; None if it is the same, or not known."""
    try:
        delta = tables.latest(asset.key)
        last = last_position(tables.workspace, asset.key, delta)
    except UNREADABLE:
        return None  # its own run says what is wrong with it
    if delta is None or last is None or not last.note.code:
        return None
    return None if last.note.code == asset.code(tables.workspace).digest else int(delta.version())


def _words(tables: Tables, name: str, source: object) -> str:
    """What a rebuild reads of an input: all of it."""
    table = dependency(source)
    if table is None:
        return f"{name} ({type(source).__name__})"
    try:
        delta = tables.latest(table)
    except UNREADABLE:
        return f"{table}, which cannot be read"
    if delta is None:
        return f"{table}, which is not there"
    rows = rows_of(delta)
    return f"{table} at version {delta.version()}" + ("" if rows is None else f", {rows} rows")
