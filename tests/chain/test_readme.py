"""The README's commands, run as they stand, in the workspace of the demo."""

import re
import shlex
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from lakehouse.sql.trino_access import token
from lakehouse.sql.trino_keys import keys_of
from lakehouse.workspace import Workspace
from tests.chain.conftest import Demo

ROOT = Path(__file__).parents[2]
BLOCKS = re.findall(r"```sh\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
COMMANDS = [line.partition("  #")[0].strip() for block in BLOCKS for line in block.splitlines() if line.strip()]
# These two are what runs this very test, and what its fixture has run.
OUTSIDE = {"make test", "make demo"}
# It says by its exit code that there is something to do.
TO_DO = ".venv/bin/lakehouse drop silver.old"


@pytest.fixture(scope="module")
def old(demo: Demo, spark: SparkSession) -> Iterator[None]:
    """The table of the example that shows how to remove one."""
    spark.sql("CREATE TABLE silver.old USING DELTA AS SELECT 1 AS id")
    yield
    spark.sql("DROP TABLE silver.old")


@pytest.mark.slow
@pytest.mark.usefixtures("old")
def test_a_drop_says_what_would_be_lost(demo: Demo):
    done = run(demo.environment, TO_DO)

    assert done.returncode == 2, done.stdout + done.stderr
    assert "silver.old: version 0, 1 rows" in done.stdout


def run(environment: dict[str, str], command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        shlex.split(command), cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False
    )


def test_the_readme_names_the_two_commands():
    assert set(COMMANDS) >= OUTSIDE | {TO_DO}


@pytest.mark.slow
@pytest.mark.parametrize("command", [command for command in COMMANDS if command not in OUTSIDE | {TO_DO}])
def test_a_command_of_the_readme_does_what_it_says(workspace: Workspace, demo: Demo, sql_layer: str, command: str):
    hosts = {
        "LAKEHOUSE_TRINO__URL": sql_layer,
        "LAKEHOUSE_TRINO__USER": "guest",
        "LAKEHOUSE_TRINO__TOKEN": token(workspace, "guest", timedelta(minutes=10)),
        "LAKEHOUSE_TRINO__TRUST": str(keys_of(workspace).trust),
    }
    done = run({**demo.environment, **hosts}, command)

    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.strip()


def test_the_links_of_the_readme_lead_somewhere():
    text = (ROOT / "README.md").read_text() + (ROOT / "CONTRIBUTING.md").read_text()

    targets = {target for target in re.findall(r"\]\(([^)#:]+)\)", text) if not (ROOT / target).exists()}

    assert not targets
