"""A project of its own on the warm server, for tests of what the scaffold writes."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[3]
BIN = Path(sys.executable).parent
MATERIALIZE = """
import sys

from lakehouse.dagster.discover import project_package, table_assets
from lakehouse.engine.session import Connection
from lakehouse.workspace import current_workspace

with Connection(current_workspace()) as connection:
    for asset in table_assets(project_package(current_workspace())):
        if sys.argv[1:] and asset.table.name not in sys.argv[1:]:
            continue
        done = asset.materialize(connection)
        print(done.table, done.rows_in, done.published, done.quarantined, done.unchanged)
"""


class Project:
    """A project of its own on the warm server, and the commands as a user gives them."""

    def __init__(self, folder: Path, home: Path) -> None:
        self.folder = folder
        self.environment = {
            **os.environ,
            "LAKEHOUSE_HOME": str(home),
            "LAKEHOUSE_PROJECT": str(folder),
            "PYTHONPATH": str(folder),
        }
        (folder / "assets").mkdir(parents=True)
        (folder / "assets" / "__init__.py").write_text('"""The tables."""\n')

    def run(self, *command: Any) -> str:
        done = subprocess.run(
            list(map(str, command)), cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def new(self, *arguments: Any) -> list[str]:
        return self.run(BIN / "lakehouse", "new", "table", *arguments).splitlines()

    def materialize(self, *names: str) -> dict[str, list[str]]:
        """What came of each table, or of those that are named."""
        lines = [line.split() for line in self.run(sys.executable, "-c", MATERIALIZE, *names).splitlines()]
        return {line[0]: line[1:] for line in lines}
