"""The way back from quarantine: fix rows, replay them through the door, or give them up."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from lakehouse.declare.table import Table
from lakehouse.engine.session import Connection
from lakehouse.project.targets import Target, table_of, workspace_of
from lakehouse.runs import replay as way_back
from lakehouse.workspace import Workspace
from lakehouse.write.batch import Published


def fix(
    target: Target,
    changes: Mapping[str, str],
    *,
    where: str = "true",
    why: str = "",
    workspace: Workspace | None = None,
) -> int:
    """Change waiting rows. What they were stays beside them in `_fixes`, with who changed them, when and why.

    Args:
        target: The table that rejected them, its asset or its name.
        changes: SQL expressions over the row's columns, by the column that they set.
        where: SQL condition: which waiting rows.
        why: The reason.
        workspace: Where; the current one if not given.

    Returns:
        Rows changed.

    Raises:
        LakehouseError: a column that the table does not have, or SQL that cannot be read; nothing was changed.
        ServiceError: the engine is not up.
    """
    with _connected(target, workspace) as (connection, table):
        return way_back.fix(connection, table, changes, where=where, why=why)


def unfix(target: Target, *, where: str = "true", workspace: Workspace | None = None) -> int:
    """Take the last fix of waiting rows back: each is what it was before, bit by bit, and has one fix less.

    Args:
        target: The table that rejected them, its asset or its name.
        where: SQL condition: which waiting rows; rows that were not fixed are left alone.
        workspace: Where; the current one if not given.

    Returns:
        Rows that are as before.

    Raises:
        LakehouseError: SQL that cannot be read, or fixes that did not keep all of a value; nothing was changed.
        ServiceError: the engine is not up.
    """
    with _connected(target, workspace) as (connection, table):
        return way_back.unfix(connection, table, where=where)


def replay(target: Target, *, where: str = "true", workspace: Workspace | None = None) -> Published:
    """Bring waiting rows through the door again. What passes is published once, the rest keeps waiting.

    Args:
        target: The table that rejected them, its asset or its name.
        where: SQL condition: which waiting rows.
        workspace: Where; the current one if not given.

    Raises:
        AuditFailedError: an expectation on the table as a whole failed; it is as it was.
        LakehouseError: SQL that cannot be read; the table is as it was.
        ServiceError: the engine is not up.
    """
    with _connected(target, workspace) as (connection, table):
        return way_back.replay(connection, table, where=where)


def discard(target: Target, *, where: str, why: str, workspace: Workspace | None = None) -> int:
    """Give waiting rows up: they stay in the quarantine, marked, with who, when and why; `reopen` takes it back.

    Args:
        target: The table that rejected them, its asset or its name.
        where: SQL condition: which waiting rows.
        why: The reason.
        workspace: Where; the current one if not given.

    Returns:
        Rows discarded.

    Raises:
        LakehouseError: no reason, or SQL that cannot be read; nothing was changed.
        ServiceError: the engine is not up.
    """
    with _connected(target, workspace) as (connection, table):
        return way_back.discard(connection, table, where=where, why=why)


def reopen(target: Target, *, where: str = "true", why: str = "", workspace: Workspace | None = None) -> int:
    """Take a discard back: the rows wait again.

    Args:
        target: The table that rejected them, its asset or its name.
        where: SQL condition: which discarded rows.
        why: The reason.
        workspace: Where; the current one if not given.

    Returns:
        Rows that wait again.

    Raises:
        LakehouseError: SQL that cannot be read; nothing was changed.
        ServiceError: the engine is not up.
    """
    with _connected(target, workspace) as (connection, table):
        return way_back.reopen(connection, table, where=where, why=why)


@contextmanager
def _connected(target: Target, workspace: Workspace | None) -> Iterator[tuple[Connection, Table]]:
    """A connection and the declaration that is meant."""
    workspace = workspace_of(workspace)
    table = table_of(workspace, target)
    with Connection(workspace) as connection:
        yield connection, table
