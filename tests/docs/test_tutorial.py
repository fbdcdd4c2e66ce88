"""The tutorial, done as it stands by somebody who has the wheel and nothing of this repository."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lakehouse.settings import variables
from tests.conftest import ROOT, SHORT_LIVED
from tests.environments import UV, install_locked, interpreter, of_the_tutorial

BLOCK = re.compile(r"(?P<before>[^\n]*(?:\n[^\n]+)*)\n\n```(?P<language>sh|python)\n(?P<text>.*?)```", re.DOTALL)
PYTHON = interpreter(of_the_tutorial()) or sys.executable
OF_THE_MACHINE = ("LAKEHOUSE_CACHE", "LAKEHOUSE_TRUSTSTORE", "LAKEHOUSE_IVY_SETTINGS", "LAKEHOUSE_AOT")
# Environments are made, servers started, tables written, a model trained, and Trino fetched if it is not there yet.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


class Stranger:
    """Somebody with the wheel in an environment of its own, and none of this repository's programs or settings."""

    def __init__(self, folder: Path, wheel: Path) -> None:
        self.folder = folder
        self.library = folder / "first"
        ours = str(UV.parent)
        path = [part for part in os.environ["PATH"].split(os.pathsep) if part != ours]
        path = [str(folder / "shop" / ".venv" / "bin"), str(self.library / "bin"), *path]
        kept = {name: value for name, value in os.environ.items() if name not in variables() | {"VIRTUAL_ENV"}}
        machine = {name: os.environ[name] for name in OF_THE_MACHINE if name in os.environ}
        own = {"PATH": os.pathsep.join(path), "LAKEHOUSE_WHEEL": str(wheel), "PYTHON": PYTHON}
        self.environment = kept | machine | SHORT_LIVED | own

    def run(self, command: str) -> str:
        """What a command prints; it must end well."""
        done = subprocess.run(
            shlex.split(command), cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{command}: {done.stdout[-5000:]}{done.stderr[-5000:]}"
        return done.stdout


@pytest.fixture
def stranger(tmp_path: Path) -> Iterator[Stranger]:
    build = [UV, "build", "--quiet", "--wheel", "--no-build-isolation", "--out-dir", tmp_path / "dist", ROOT]
    subprocess.run(build, check=True, env={**os.environ, "VIRTUAL_ENV": str(UV.parents[1])})
    [wheel] = (tmp_path / "dist").glob("*.whl")
    stranger = Stranger(tmp_path, wheel)
    stranger.run(f"{PYTHON} -m venv --without-pip {stranger.library}")
    install_locked(stranger.library / "bin" / "python")
    stranger.run(f"{UV} pip install --quiet --python {stranger.library}/bin/python --no-deps {wheel}")
    yield stranger
    if (tmp_path / "shop").exists():
        stranger.folder = tmp_path / "shop"
        stranger.run("lakehouse down")


def test_the_tutorial_does_what_it_says(stranger: Stranger):
    printed = {}
    for block in BLOCK.finditer((ROOT / "docs/tutorial.md").read_text()):
        if block["language"] == "python":
            file = stranger.folder / re.findall(r"`(assets/[\w/]+\.py)`", block["before"])[-1]
            file.parent.mkdir(parents=True, exist_ok=True)
            (file.parent / "__init__.py").touch()
            file.write_text(block["text"])
            continue
        for command in block["text"].splitlines():
            if command.startswith("cd "):
                stranger.folder = stranger.folder / command.removeprefix("cd ")
                continue
            if command == "lakehouse down":
                printed["lakehouse status"] = stranger.run("lakehouse status")
            printed[command] = stranger.run(command)
            if command == "make setup":
                stranger.run("make check")
                printed["make test"] = stranger.run("make test")

    assert " passed" in printed["make test"]
    assert "silver.orders" in printed["lakehouse run bronze.orders silver.orders"]
    asked = {command: text for command, text in printed.items() if command.startswith("lakehouse sql")}
    assert [command for command, text in asked.items() if not text.strip()] == []
    assert re.search(r"2026-01-01\W+6\b", asked['lakehouse sql "SELECT * FROM gold.daily_sales ORDER BY order_date"'])
    assert "1 rows fixed" in "".join(printed.values())
    assert "1 published" in printed["lakehouse quarantine replay silver.orders"]
    assert {"spark", "trino", "dagster", "up"} <= set(printed["lakehouse status"].split())
    assert "up" not in stranger.run("lakehouse status").split()
    assert ROOT.as_posix() not in stranger.run("python -c 'import lakehouse; print(lakehouse.__file__)'")
    assert stranger.run("python -V").startswith(f"Python 3.{of_the_tutorial()}.")
