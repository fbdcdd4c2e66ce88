"""The wheel alone, outside the repository: installed, and a new project of it made, tested, served and stopped."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lakehouse.settings import variables
from tests.conftest import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]
UV = Path(sys.executable).with_name("uv")


class Stranger:
    """Somebody with the wheel, a folder, and none of this repository's programs or settings."""

    def __init__(self, folder: Path, wheel: Path) -> None:
        kept = {name: value for name, value in os.environ.items() if name not in variables() | {"VIRTUAL_ENV"}}
        ours = str(UV.parent)
        path = os.pathsep.join(part for part in os.environ["PATH"].split(os.pathsep) if part != ours)
        names = ("LAKEHOUSE_CACHE", "LAKEHOUSE_TRUSTSTORE", "LAKEHOUSE_IVY_SETTINGS")
        machine = {name: os.environ[name] for name in names if name in os.environ}
        self.environment = {**kept, **machine, "PATH": path, "LAKEHOUSE_WHEEL": str(wheel), "LAKEHOUSE_AOT": "off"}
        self.folder = folder

    def run(self, *command: Any) -> str:
        done = subprocess.run(
            list(map(str, command)), cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{command}: {done.stdout[-5000:]}{done.stderr[-5000:]}"
        return done.stdout


@pytest.fixture
def stranger(tmp_path: Path) -> Stranger:
    build = [UV, "build", "--quiet", "--wheel", "--no-build-isolation", "--out-dir", tmp_path / "dist", ROOT]
    subprocess.run(build, check=True, env={**os.environ, "VIRTUAL_ENV": str(UV.parents[1])})
    [wheel] = (tmp_path / "dist").glob("*.whl")
    return Stranger(tmp_path, wheel)


@pytest.fixture
def shop(stranger: Stranger, tmp_path: Path) -> Iterator[Stranger]:
    """A project with the sample, in an environment that its own `make setup` made."""
    first = tmp_path / "first"
    stranger.run(sys.executable, "-m", "venv", "--without-pip", first)
    stranger.run(
        UV, "pip", "install", "--quiet", "--python", first / "bin" / "python", stranger.environment["LAKEHOUSE_WHEEL"]
    )
    stranger.run(first / "bin" / "lakehouse", "init", "shop", "--sample")
    stranger.folder = tmp_path / "shop"
    try:
        yield stranger
    finally:
        subprocess.run([first / "bin" / "lakehouse", "down"], cwd=stranger.folder, env=stranger.environment, check=True)


def test_a_project_of_the_wheel_is_tested_served_and_stopped(shop: Stranger):
    lakehouse = shop.folder / ".venv" / "bin" / "lakehouse"

    shop.run("make", "check")
    tested = shop.run("make", "test")
    shop.run(lakehouse, "up", "ui", "sql")
    ran = shop.run(lakehouse, "run", "bronze.orders", "silver.orders")
    shop.run(lakehouse, "dbt", "build")
    answer = shop.run(
        lakehouse, "sql", "SELECT orders_count FROM gold.daily_sales WHERE order_date = DATE '2026-01-01'"
    )
    status = shop.run(lakehouse, "status")
    shop.run(lakehouse, "down")

    assert " passed" in tested
    assert "silver.orders" in ran
    assert answer.splitlines()[-1].strip(" │|") == "6"
    assert "dagster" in status
    assert "up" not in shop.run(lakehouse, "status").split()
    assert ROOT.as_posix() not in shop.run(
        lakehouse.with_name("python"), "-c", "import lakehouse; print(lakehouse.__file__)"
    )
