"""Work of a session on the servers of the current workspace: `python -m benchmarks.first_work`."""

from lakehouse.engine.session import Connection
from lakehouse.services.java.aot_work import typical_work
from lakehouse.workspace import current_workspace

if __name__ == "__main__":
    workspace = current_workspace()
    with Connection(workspace) as connection:
        typical_work(connection.session(), workspace.home / "work")
