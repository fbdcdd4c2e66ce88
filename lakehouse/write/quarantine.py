"""Quarantine: the rows that broke a rule, with the rules and the run, in a table of their own."""

from typing import TYPE_CHECKING

from lakehouse.table import Table
from lakehouse.workspace import Workspace
from lakehouse.write.catalog import ensure, quarantine_table
from lakehouse.write.publish import Stamp, is_done, stamped
from lakehouse.write.stage import BAD, Staged

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def quarantine(
    workspace: Workspace, session: "SparkSession", table: Table, staged: Staged, *, broken_sql: str, stamp: Stamp
) -> None:
    """Append the staged bad rows to the table's quarantine, once.

    Args:
        workspace: Where the tables are.
        session: The session.
        table: The table whose rows were rejected.
        staged: What the run has staged.
        broken_sql: Expression over the mask columns that gives the labels of the broken rules.
        stamp: Of this publish; a quarantine that has it already is left alone.
    """
    from pyspark.sql import functions as F

    target = quarantine_table(table)
    delta = ensure(workspace, session, target)
    if is_done(delta, stamp):
        return
    rows = staged.frame(session, BAD).select(
        *table.column_names,
        F.expr(broken_sql).alias("_broken_rules"),
        F.lit(stamp.note["run"]).alias("_run_id"),
        F.current_timestamp().alias("_quarantined_at"),
    )
    with stamped(session, stamp):
        rows.write.format("delta").mode("append").saveAsTable(target.name)
