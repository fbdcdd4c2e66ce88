"""What a run had decided and could not be carried out, put back by a person."""

from lakehouse.delta.tables import Tables
from lakehouse.errors import LakehouseError
from lakehouse.locks.table_lock import table_lock
from lakehouse.workspace import Workspace
from lakehouse.write import set_aside
from lakehouse.write.intent import open_intent


def put_back(workspace: Workspace, name: str) -> None:
    """Make a decision that was set aside the open one again. Asks no server.

    Args:
        workspace: Where the table is.
        name: `layer.entities`.

    Raises:
        LakehouseError: another decision is open, or the one that was set aside is gone.
    """
    with table_lock(workspace, name):
        aside = set_aside.shown(workspace, name)
        if aside is None:
            raise LakehouseError(f"No decision about {name} is set aside any more. Nothing was changed.")
        if open_intent(workspace, name) is not None:
            raise LakehouseError(
                f"Nothing was changed: a later run of {name} has decided, and was cut off. The next run of {name} "
                f"carries that out first."
            )
        set_aside.put_back(Tables(workspace), aside)
