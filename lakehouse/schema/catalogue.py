"""The names in the catalogue: whether a table has one, and to give or take it. The files stay as they are."""

from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from lakehouse.declare.sql_text import literal, quote
from lakehouse.delta.log import log_of
from lakehouse.errors import LakehouseError
from lakehouse.workspace import Workspace

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def is_in_catalogue(session: "SparkSession", name: str) -> bool:
    """Whether the catalogue knows `layer.entities`, also where its files are gone: `tableExists` raises then."""
    layer, _, entity = name.partition(".")
    if not session.catalog.databaseExists(layer):
        return False
    return bool(session.sql(f"SHOW TABLES IN {quote(layer)} LIKE {literal(entity)}").collect())


def register(workspace: Workspace, session: "SparkSession", name: str) -> str:
    """Make a table known whose files are there; harmless where it is known.

    Returns:
        The statement.
    """
    root = workspace.table_path(name)
    layer = name.partition(".")[0]
    session.sql(f"CREATE DATABASE IF NOT EXISTS {quote(layer)} LOCATION {literal(root.rpartition('/')[0])}")
    sql = f"CREATE TABLE IF NOT EXISTS {quote(name)} USING DELTA LOCATION {literal(root)}"
    session.sql(sql)
    return sql


def unregister(workspace: Workspace, session: "SparkSession", name: str) -> None:
    """Take the name of a table out of the catalogue whose files were moved away; harmless where it is not known.

    Nothing is taken out while a table is at its place: Spark deletes the files of a table that it drops.

    Raises:
        LakehouseError: the catalogue has the name for a folder elsewhere; nothing was done.
    """
    if not is_in_catalogue(session, name):
        return
    refuse_elsewhere(workspace, session, name)
    if log_of(workspace.table_path(name)).is_empty:
        session.sql(f"DROP TABLE IF EXISTS {quote(name)}")


def refuse_elsewhere(workspace: Workspace, session: "SparkSession", name: str) -> None:
    """Pass unless the catalogue has a name for another folder than this workspace's.

    Raises:
        LakehouseError: it has; the table belongs to another warehouse.
    """
    if not is_in_catalogue(session, name):
        return
    layer, _, entity = name.partition(".")
    # It reads the catalogue alone, so it answers where the files are gone.
    shown = session.sql(f"SHOW TABLE EXTENDED IN {quote(layer)} LIKE {literal(entity)}").collect()[0]["information"]
    there = next((line.partition(": ")[2] for line in shown.splitlines() if line.startswith("Location: ")), "")
    here = workspace.table_path(name)
    if here.removeprefix("file://") not in _paths(there):
        raise LakehouseError(
            f"{name} was left as it is: the catalogue has this name for {there or 'no folder'}, not for {here}. "
            f"It is a table of another warehouse; work on it from a workspace of that one (LAKEHOUSE_WAREHOUSE)."
        )


def _paths(location: str) -> tuple[str, ...]:
    """What a location may mean: Hadoop writes `file:/a` for `/a`, and some catalogues escape what a URI must."""
    path = urlsplit(location).path if location.startswith("file:") else location
    return (path, unquote(path))
