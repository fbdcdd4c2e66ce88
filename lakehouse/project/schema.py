"""The project's tables as they are declared against the tables as they are stored."""

from collections.abc import Sequence

from lakehouse.dagster.discover import project_package, project_tables
from lakehouse.dagster.graph import graph_of
from lakehouse.declare.table import Table
from lakehouse.engine.failure import in_our_words
from lakehouse.engine.session import Connection
from lakehouse.project.targets import Target, table_of, workspace_of
from lakehouse.project.undeclared import undeclared
from lakehouse.schema import apply as changes
from lakehouse.schema.apply import Applied, TablePlan
from lakehouse.workspace import Workspace


def plan(*targets: Target, workspace: Workspace | None = None) -> list[TablePlan]:
    """What each table would have to change to be as it is declared. Changes nothing.

    Read from the logs; the engine is asked only to count rows that a new rule may be against.

    Args:
        *targets: Tables, their assets or their names; all that the project declares if none is given.
        workspace: Where; the current one if not given.

    Returns:
        The tables that differ. If no target is given, then those that are stored and that the project neither declares
        nor reads (`is_declared` is False, or None if that is not known); `drop` removes one.

    Raises:
        LakehouseError: a name is not declared.
        ServiceError: rows must be counted, and the engine is not up.
    """
    workspace = workspace_of(workspace)
    tables, declared = _tables(workspace, targets)
    plans = changes.plan(workspace, tables, declared)
    if any(difference.against for table in plans for difference in table.differences):
        with Connection(workspace) as connection:
            plans = [_counted(connection, table) for table in plans]
    if targets:
        return plans
    return [*plans, *undeclared(workspace, graph_of(workspace, project_package(workspace), parse=False))]


def apply(*targets: Target, workspace: Workspace | None = None) -> list[Applied]:
    """Make tables as they are declared, as far as no row is lost by it.

    Args:
        *targets: Tables, their assets or their names; all that the project declares if none is given.
        workspace: Where; the current one if not given.

    Returns:
        For each table what was done and what was refused, with the way out.

    Raises:
        LakehouseError: a name is not declared.
        ServiceError: the engine is not up.
    """
    workspace = workspace_of(workspace)
    tables, declared = _tables(workspace, targets)
    with Connection(workspace) as connection:
        return [_applied(connection, table, declared) for table in tables]


def _counted(connection: Connection, table: TablePlan) -> TablePlan:
    with in_our_words(connection.workspace, lambda: f"what {table.table} holds was not counted"):
        return changes.refused_by_rows(connection.session(), table)


def _applied(connection: Connection, table: Table, declared: Sequence[str]) -> Applied:
    with in_our_words(connection.workspace, lambda: f"{table.name} was not made as it is declared, to the end"):
        return changes.apply(connection, table, declared)


def _tables(workspace: Workspace, targets: Sequence[Target]) -> tuple[list[Table], list[str]]:
    """The tables that are meant, and the names of all that the project declares."""
    declared = project_tables(workspace)
    return [table_of(workspace, target) for target in targets] or declared, [table.name for table in declared]
