"""Work of a session on the servers of the current workspace: `python -m benchmarks.first_work`."""

from lakehouse.engine.session import Connection
from lakehouse.services.java.aot_work import typical_work
from lakehouse.workspace import Workspace, current_workspace


def work(workspace: Workspace) -> None:
    """Do what is typical, in a session of its own."""
    with Connection(workspace) as connection:
        typical_work(connection.session(), workspace.home / "work")


if __name__ == "__main__":
    work(current_workspace())
