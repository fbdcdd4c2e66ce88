"""The names in the catalogue: whether a table has one, and to give it one. The files stay as they are."""

from typing import TYPE_CHECKING

from lakehouse.declare.sql_text import literal, quote
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
    """Make the database of a layer, at its folder in the warehouse."""
    session.sql(f"CREATE DATABASE IF NOT EXISTS {quote(layer)} LOCATION {literal(f'{workspace.warehouse}/{layer}')}")
