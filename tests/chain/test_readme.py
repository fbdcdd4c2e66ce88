"""The README's commands, run as they stand, in the workspace of the demo."""

import re
import shlex
import subprocess
from pathlib import Path

import pytest

from tests.chain.conftest import Demo

ROOT = Path(__file__).parents[2]
BLOCKS = re.findall(r"```sh\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
COMMANDS = [line.partition("  #")[0].strip() for block in BLOCKS for line in block.splitlines() if line.strip()]
# These two are what runs this very test, and what its fixture has run.
OUTSIDE = {"make test", "make demo"}


def test_the_readme_names_the_two_commands():
    assert set(COMMANDS) >= OUTSIDE


@pytest.mark.parametrize("command", [command for command in COMMANDS if command not in OUTSIDE])
def test_a_command_of_the_readme_does_what_it_says(demo: Demo, sql_layer: str, command: str):
    environment = {**demo.environment, "LAKEHOUSE_TRINO__URL": sql_layer}

    done = subprocess.run(
        shlex.split(command), cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.strip()


def test_the_links_of_the_readme_lead_somewhere():
    text = (ROOT / "README.md").read_text() + (ROOT / "CONTRIBUTING.md").read_text()

    targets = {target for target in re.findall(r"\]\(([^)#:]+)\)", text) if not (ROOT / target).exists()}

    assert not targets
