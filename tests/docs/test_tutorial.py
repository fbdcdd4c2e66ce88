"""The tutorial, done as it stands: its commands are run and its files written, in the order of the page."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"(?P<before>[^\n]*(?:\n[^\n]+)*)\n\n```(?P<language>sh|python)\n(?P<text>.*?)```", re.DOTALL)
# The environment of this repository stands for the one that the project's `make setup` makes.
OUTSIDE = {"make setup"}
# Servers are started, tables are written, a model is trained, and Trino is fetched if it is not there yet.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


def run(command: str, folder: Path, environment: dict[str, str]) -> str:
    """What a command prints; it must end well."""
    done = subprocess.run(
        shlex.split(command), cwd=folder, env=environment, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture
def environment(tmp_path: Path) -> Iterator[dict[str, str]]:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("LAKEHOUSE_", "DAGSTER_"))}
    environment |= {"PATH": path, "LAKEHOUSE_CACHE": os.environ.get("LAKEHOUSE_CACHE", "")}
    environment = {name: value for name, value in environment.items() if value}
    yield environment
    if (tmp_path / "shop").exists():
        run("lakehouse down", tmp_path / "shop", environment)


def test_the_tutorial_does_what_it_says(tmp_path: Path, environment: dict[str, str]):
    folder, printed = tmp_path, {}
    for block in BLOCK.finditer((ROOT / "docs/tutorial.md").read_text()):
        if block["language"] == "python":
            file = folder / re.findall(r"`(assets/[\w/]+\.py)`", block["before"])[-1]
            file.parent.mkdir(parents=True, exist_ok=True)
            (file.parent / "__init__.py").touch()
            file.write_text(block["text"])
            continue
        for command in block["text"].splitlines():
            if command.startswith("cd "):
                folder = folder / command.removeprefix("cd ")
            elif command not in OUTSIDE:
                printed[command] = run(command, folder, environment)

    asked = {command: text for command, text in printed.items() if command.startswith("lakehouse sql")}
    assert [command for command, text in asked.items() if not text.strip()] == []
    assert "1 rows fixed" in "".join(printed.values())
    assert "1 published" in printed["lakehouse quarantine replay silver.orders"]
