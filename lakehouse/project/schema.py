"""The project's tables as they are declared against the tables as they are stored."""

from collections.abc import Sequence
from functools import partial

from lakehouse.dagster.discover import project_package, project_tables, table_assets
from lakehouse.dagster.graph import graph_of
from lakehouse.dagster.table_asset import TableAsset
from lakehouse.declare.table import Foreign, Table
from lakehouse.delta.tables import Tables
from lakehouse.engine.failure import in_our_words
from lakehouse.engine.session import Connection
from lakehouse.project.older_code import with_older_code
from lakehouse.project.targets import Target, asset_of, table_of, workspace_of
from lakehouse.project.undeclared import undeclared
from lakehouse.runs.run import recover_if_open
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
        The tables that differ, and those that were made by older code (`rebuild_reads` says what making them again
        would read). If no target is given, then those that are stored and that the project neither declares nor reads
        (`is_declared` is False, or None if that is not known); `drop` removes one.

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
    assets = [asset_of(workspace, target) for target in targets if not isinstance(target, Table | Foreign)]
    made = assets if targets else table_assets(project_package(workspace))
    plans = with_older_code(workspace, [asset for asset in made if isinstance(asset, TableAsset)], plans)
    if targets:
        return plans
    return [*plans, *undeclared(workspace, graph_of(workspace, project_package(workspace), parse=False))]


def apply(*targets: Target, workspace: Workspace | None = None) -> list[Applied]:
    """Make tables as they are declared, as far as no row is lost by it.

    What a run that was cut off has decided about a table is carried out before, as the table is then.

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
    finish = partial(recover_if_open, connection, Tables(connection.workspace), table)
    with in_our_words(connection.workspace, lambda: f"{table.name} was not made as it is declared, to the end"):
        return changes.apply(connection, table, declared, first=finish)


def _tables(workspace: Workspace, targets: Sequence[Target]) -> tuple[list[Table], list[str]]:
    """The tables that are meant, and the names of all that the project declares."""
    declared = project_tables(workspace)
    return [table_of(workspace, target) for target in targets] or declared, [table.name for table in declared]
