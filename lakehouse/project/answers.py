"""Read-only answers about tables, from their logs; `query` asks Trino."""

from lakehouse.answers import row_accounts as counted
from lakehouse.answers import version as versions
from lakehouse.answers.row_accounts import Accounts
from lakehouse.answers.tables import TableLine, overview
from lakehouse.answers.version import Explanation
from lakehouse.project.targets import Target, name_of, workspace_of
from lakehouse.sql.ask_trino import Answer, ask
from lakehouse.workspace import Workspace


def explain(target: Target, *, workspace: Workspace | None = None) -> Explanation:
    """Why a version is as it is: who wrote it, from what, with which code, how many rows, which checks, how long.

    Args:
        target: A table, its asset, its `layer.entities`, or `layer.entities@version`; the latest if none is given.
        workspace: Where; the current one if not given.

    Raises:
        LakehouseError: no such table, or a version that its log has no more.
    """
    return versions.explain(workspace_of(workspace), name_of(target))


def history(target: Target, *, limit: int | None = 20, workspace: Workspace | None = None) -> list[Explanation]:
    """What the versions of a table say of themselves, newest first.

    Args:
        target: A table, its asset or its name.
        limit: So many from the newest; None for all that the log has.
        workspace: Where; the current one if not given.

    Raises:
        LakehouseError: no such table.
    """
    return versions.explanations(workspace_of(workspace), name_of(target), limit)


def tables(*, workspace: Workspace | None = None) -> list[TableLine]:
    """Every table of the warehouse: rows, version, quarantined rows, checks."""
    return overview(workspace_of(workspace))


def row_accounts(target: Target, *, version: int | None = None, workspace: Workspace | None = None) -> Accounts:
    """Where every row that ever came to a table is now: the counts add up, or a row is lost.

    Args:
        target: A table, its asset or its name.
        version: An earlier version, as its own commit has the counts; now if not given.
        workspace: Where; the current one if not given.

    Raises:
        LakehouseError: no such table, a version that its log has no more, or one that says nothing of its rows.
    """
    return counted.row_accounts(workspace_of(workspace), name_of(target), version)


def query(statement: str, *, workspace: Workspace | None = None) -> Answer:
    """Ask all layers through Trino, which reads and never writes.

    Args:
        statement: One statement; tables are named `layer.table`.
        workspace: Where; the current one if not given.

    Raises:
        ServiceError: no Trino is up, or it does not answer; `up("sql")` starts one.
        LakehouseError: Trino refuses the statement; the message is its own.
    """
    return ask(workspace_of(workspace), statement)
