"""The names in the catalogue: whether a table has one, and to give or take it. The files stay as they are."""

from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from lakehouse.declare.sql_text import create_database, literal, quote
from lakehouse.delta.log import log_of
from lakehouse.errors import LakehouseError
from lakehouse.locks.table_lock import creation_lock
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
    make_database(workspace, session, name.partition(".")[0])
    sql = f"CREATE TABLE IF NOT EXISTS {quote(name)} USING DELTA LOCATION {literal(workspace.table_path(name))}"
    session.sql(sql)
    return sql


def make_database(workspace: Workspace, session: "SparkSession", layer: str) -> None:
    """Make the database of a layer at its place in the warehouse, unless it is there."""
    with creation_lock(workspace, layer):
        session.sql(create_database(layer, f"{workspace.warehouse}/{layer}"))


def unregister(workspace: Workspace, session: "SparkSession", name: str) -> None:
    """Take the name of a table out of the catalogue whose files were moved away; harmless where it is not known.

    Nothing is taken out while a table is at its place: Spark deletes the files of a table that it drops.
    """
    if log_of(workspace.table_path(name)).is_empty and not place_elsewhere(workspace, session, name):
        session.sql(f"DROP TABLE IF EXISTS {quote(name)}")


def refuse_elsewhere(workspace: Workspace, session: "SparkSession", name: str) -> None:
    """Pass unless the catalogue has a name for another folder than this workspace's.

    Raises:
        LakehouseError: it has; the table belongs to another warehouse.
    """
    there = place_elsewhere(workspace, session, name)
    if there:
        raise LakehouseError(
            f"{name} was left as it is: the catalogue has this name for {there}, not for {workspace.table_path(name)}. "
            f"It is a table of another warehouse; work on it from a workspace of that one (LAKEHOUSE_WAREHOUSE)."
        )


def place_elsewhere(workspace: Workspace, session: "SparkSession", name: str) -> str | None:
    """The other folder for which the catalogue has a name; None if it has it for this workspace's, or not at all."""
    layer, _, entity = name.partition(".")
    if not session.catalog.databaseExists(layer):
        return None
    # It reads the catalogue alone, so it answers where the files are gone.
    rows = session.sql(f"SHOW TABLE EXTENDED IN {quote(layer)} LIKE {literal(entity)}").collect()
    lines = [line for row in rows for line in str(row["information"]).splitlines()]
    there = next((line.partition(": ")[2] for line in lines if line.startswith("Location: ")), None)
    is_here = there is None or workspace.table_path(name).removeprefix("file://") in _paths(there)
    return None if is_here else there


def _paths(location: str) -> tuple[str, ...]:
    """What a location may mean: Hadoop writes `file:/a` for `/a`, and some catalogues escape what a URI must."""
    path = urlsplit(location).path if location.startswith("file:") else location
    return (path, unquote(path))
