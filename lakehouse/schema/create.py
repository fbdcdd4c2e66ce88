"""Tables in the catalogue: made from the declaration, with comments, NOT NULL and properties."""

from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING

from lakehouse.declare.column import Column
from lakehouse.declare.sql_text import literal, quote
from lakehouse.declare.table import INTERNAL_LAYERS, Table, quarantine_of
from lakehouse.declare.write_modes import Scd2
from lakehouse.delta.tables import Tables
from lakehouse.locks.table_lock import creation_lock
from lakehouse.schema.catalogue import is_in_catalogue, make_database, register
from lakehouse.schema.stored import VECTORS
from lakehouse.workspace import Workspace

if TYPE_CHECKING:
    from deltalake import DeltaTable
    from pyspark.sql import SparkSession

# The change feed is what `TABLE.changes()` reads.
PROPERTIES = (("delta.enableChangeDataFeed", "true"),)
# What a new table with a key is given beside: its rows change one by one (docs/adr/0009-layout-and-upkeep.md). An older
# table may lack it.
KEYED_PROPERTIES = ((VECTORS, "true"),)

# What a new table that is partitioned by a text is given beside: its values name no folders. Else the engine could not
# join, update or add files of a value that is longer than the name of a folder may be (255 bytes on Linux).
BY_TEXT_PROPERTIES = (("delta.randomizeFilePrefixes", "true"),)

# The columns of which no two rows have the same values, as they were when that was known to be so.
KEY = "lakehouse_key"

ROW_ID = Column("_row_id", "string", "Identifies the row in this quarantine")
UNSTORABLE = "_unstorable"
UNSTORABLE_TYPE = "map<string,string>"
FIXES_TYPE = "array<struct<original:string,by:string,at:timestamp,why:string>>"


def _column(column: Column, *, nullable: bool) -> str:
    required = "" if nullable else " NOT NULL"
    return f"{quote(column.name)} {column.type}{required} COMMENT {literal(column.comment)}"


def key_text(table: Table) -> str:
    """The columns of which no two rows have the same values, for the property `lakehouse_key`; empty without a key."""
    return ", ".join((*table.key, *(table.sequence if isinstance(table.write, Scd2) else ())))


def replace_table(session: "SparkSession", table: Table) -> None:
    """Make a table anew as it is declared, without its rows, in one commit; its earlier versions are kept."""
    session.sql(ddl(table).replace("CREATE TABLE IF NOT EXISTS", "CREATE OR REPLACE TABLE", 1))


def ddl(table: Table) -> str:
    """`CREATE TABLE IF NOT EXISTS` of a declaration."""
    columns = ", ".join(_column(c, nullable=c.name not in table.stored_required) for c in table.stored)
    parts = ", ".join(quote(name) for name in table.partitioned_by)
    clusters = ", ".join(quote(name) for name in table.clustered_by)
    keyed = {**dict(KEYED_PROPERTIES), KEY: key_text(table)} if table.key else {}
    is_by_text = any(table.types[name] == "string" for name in table.partitioned_by)
    by_text = dict(BY_TEXT_PROPERTIES) if is_by_text else {}
    given = {**dict(PROPERTIES), **keyed, **by_text, **dict(table.properties)}
    properties = ", ".join(f"{literal(name)} = {literal(value)}" for name, value in given.items())
    return (
        f"CREATE TABLE IF NOT EXISTS {quote(table.name)} ({columns}) USING DELTA"
        + (f" PARTITIONED BY ({parts})" if parts else "")
        + (f" CLUSTER BY ({clusters})" if clusters else "")
        + f" COMMENT {literal(table.grain)} TBLPROPERTIES ({properties})"
    )


@cache
def quarantine_columns() -> tuple[Column, ...]:
    """What a quarantine adds to a row. Made when asked for: to read types in parts takes 0.3 s."""
    return (
        ROW_ID,
        Column("_state", "string", "waiting, replayed (it went through the door), discarded, withheld or warned"),
        Column("_broken_rules", "array<string>", "The rules that the row breaks"),
        Column(
            UNSTORABLE,
            UNSTORABLE_TYPE,
            "What columns held that no table can hold, by column: text that is no UTF-8 as base64 of its bytes, parts "
            "as base64 of their JSON, dates and times as text. The columns are null",
        ),
        Column("_run_id", "string", "The run that judged it last"),
        Column("_inputs", "string", "What that run read, as JSON: the position of each input"),
        Column("_quarantined_at", "timestamp", "When it came, UTC"),
        Column("_state_at", "timestamp", "When its state changed last, UTC"),
        Column("_state_by", "string", "Who changed it"),
        Column("_state_why", "string", "Why"),
        Column(
            "_fixes",
            FIXES_TYPE,
            "What the row was before each fix, as exact JSON, oldest first; who fixed it, when (UTC) and why",
        ),
    )


def quarantine_table(table: Table) -> Table:
    """The declaration of a table's quarantine: the batch's columns, all nullable, and why each row is there."""
    columns: Sequence[Column] = [Column(c.name, c.type, c.comment) for c in table.brought]
    return Table(quarantine_of(table.name), columns=(*columns, *quarantine_columns()), grain=f"rejected: {table.grain}")


def ensure(tables: Tables, session: "SparkSession", table: Table) -> "DeltaTable":
    """The Delta table of a declaration, created empty where there is none.

    The library's own tables (quarantine, ops) get the columns that they lack; others are changed by `lakehouse apply`.
    """
    delta = tables.latest(table.name)
    if delta is None:
        return _create(tables, session, table)
    finish_creation(tables.workspace, lambda: session, table, delta)
    if table.layer in INTERNAL_LAYERS:
        names = {field.name for field in delta.schema().fields}
        lacking = [column for column in table.stored if column.name not in names]
        if lacking:
            columns = ", ".join(_column(column, nullable=True) for column in lacking)
            session.sql(f"ALTER TABLE {quote(table.name)} ADD COLUMNS ({columns})")
            delta.update_incremental()
    return delta


def finish_creation(
    workspace: Workspace, connect: "Callable[[], SparkSession]", table: Table, delta: "DeltaTable"
) -> None:
    """Register a table whose creation was cut short after its first commit, and give it its constraints.

    Delta writes the log, then the catalogue. The catalogue is asked only of a table without more commits than its
    creation makes.
    """
    if delta.version() > len(table.constraints):
        return
    session = connect()
    if is_in_catalogue(session, table.name):
        return
    register(workspace, session, table.name)
    if delta.version() == 0:
        _constrain(session, table)
        delta.update_incremental()


def _constrain(session: "SparkSession", table: Table) -> None:
    for name, condition in table.constraints:
        session.sql(f"ALTER TABLE {quote(table.name)} ADD CONSTRAINT {quote(name)} CHECK ({condition})")


def _create(tables: Tables, session: "SparkSession", table: Table) -> "DeltaTable":
    workspace = tables.workspace
    make_database(workspace, session, table.layer)
    # Runs of two tables make `ops.checks` at one moment. Delta makes the folder of the log before its first commit,
    # and refuses a folder in which another has only come that far.
    with creation_lock(workspace, table.name):
        made = tables.latest(table.name)
        if made is not None:
            finish_creation(workspace, lambda: session, table, made)
            return made
        session.sql(ddl(table))
        _constrain(session, table)
    delta = tables.latest(table.name)
    if delta is None:
        raise RuntimeError(
            f"{table.name} was created, but not at {workspace.table_path(table.name)}: "
            f"the database {table.layer} has another location than this workspace."
        )
    return delta
