"""Tables in the catalogue: made from the declaration, with comments, NOT NULL and properties."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lakehouse.history import open_table
from lakehouse.table import Column, Table, quarantine_of, quote
from lakehouse.workspace import Workspace

if TYPE_CHECKING:
    from deltalake import DeltaTable
    from pyspark.sql import SparkSession

# The change feed is what `TABLE.changes()` reads.
PROPERTIES = (("delta.enableChangeDataFeed", "true"),)

QUARANTINE_COLUMNS = (
    Column("_broken_rules", "array<string>", "The rules that the row breaks"),
    Column("_run_id", "string", "The run that judged it"),
    Column("_quarantined_at", "timestamp", "When, UTC"),
)


def literal(text: str) -> str:
    """A SQL string literal."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _column(column: Column, *, nullable: bool) -> str:
    required = "" if nullable else " NOT NULL"
    return f"{quote(column.name)} {column.type}{required} COMMENT {literal(column.comment)}"


def ddl(table: Table) -> str:
    """`CREATE TABLE IF NOT EXISTS` of a declaration."""
    columns = ", ".join(_column(c, nullable=c.nullable and c.name not in table.key) for c in table.columns)
    parts = ", ".join(quote(name) for name in table.partitioned_by)
    properties = ", ".join(f"{literal(k)} = {literal(v)}" for k, v in PROPERTIES + table.properties)
    return (
        f"CREATE TABLE IF NOT EXISTS {quote(table.name)} ({columns}) USING DELTA"
        + (f" PARTITIONED BY ({parts})" if parts else "")
        + f" COMMENT {literal(table.grain)} TBLPROPERTIES ({properties})"
    )


def quarantine_table(table: Table) -> Table:
    """The declaration of a table's quarantine: the same columns, all nullable, and why each row is there."""
    columns: Sequence[Column] = [Column(c.name, c.type, c.comment) for c in table.columns]
    return Table(quarantine_of(table.name), columns=(*columns, *QUARANTINE_COLUMNS), grain=f"rejected: {table.grain}")


def ensure(workspace: Workspace, session: "SparkSession", table: Table) -> "DeltaTable":
    """The Delta table of a declaration, created empty where there is none."""
    found = open_table(workspace, table.name)
    if found is None:
        location = literal(workspace.table_path(table.name).rpartition("/")[0])
        session.sql(f"CREATE DATABASE IF NOT EXISTS {quote(table.layer)} LOCATION {location}")
        session.sql(ddl(table))
        found = open_table(workspace, table.name)
    if found is None:
        raise RuntimeError(
            f"{table.name} was created, but not at {workspace.table_path(table.name)}: "
            f"the database {table.layer} has another location than this workspace."
        )
    return found
