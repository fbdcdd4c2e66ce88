"""The pytest plugin, in a project that is not this repository: its settings, its cost, its servers."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lakehouse.services.supervise.orphans import started_by
from tests.library.faults.orchestra import until

UNUSED = """
import sys

def test_that_asks_for_no_fixture():
    print("LOADED", sorted(name for name in sys.modules if name.startswith("lakehouse")))
    print("HEAVY", [name for name in ("pyspark", "pydantic", "pandas", "psutil", "dagster") if name in sys.modules])
"""
SETTINGS = """
import json, os

def test_the_settings_of_the_run():
    print("SETTINGS", json.dumps({k: v for k, v in os.environ.items() if k.startswith("LAKEHOUSE_")}))
"""


SHARED = """
import time
from pathlib import Path

import pytest

@pytest.mark.parametrize("number", [1, 2])
def test_each_worker_meets_the_other(number, clean_environment):
    here = Path(__file__).parent
    (here / f"home-{number}").write_text(str(clean_environment))
    while not (here / f"home-{3 - number}").exists():
        time.sleep(0.01)
"""


SERVED = """
import time
from pathlib import Path

def test_that_waits_to_be_told_to_go(workspace):
    here = Path(__file__).parent
    (here / "home.part").write_text(str(workspace.home))
    (here / "home.part").rename(here / "home")
    while not (here / "go").exists():
        time.sleep(0.01)
"""


def run(folder: Path, test: str, *options: str, **variables: str) -> str:
    """What a test prints in a project of its own, which must pass."""
    (folder / "test_it.py").write_text(test)
    own = ["-p", "no:cacheprovider", "--rootdir", str(folder), str(folder)]
    command = [sys.executable, "-m", "pytest", "-q", "-s", *options, *own]
    environment = {**os.environ, **variables}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def printed(output: str, word: str) -> str:
    [line] = [line for line in output.splitlines() if word in line]
    return line.partition(f"{word} ")[2]


def test_a_run_that_asks_for_no_fixture_loads_the_plugin_alone(tmp_path: Path):
    output = run(tmp_path, UNUSED)

    assert printed(output, "LOADED") == "['lakehouse', 'lakehouse.testing', 'lakehouse.testing.plugin']"
    assert printed(output, "HEAVY") == "[]"


def test_a_run_has_a_home_of_its_own_and_nothing_of_the_users(tmp_path: Path):
    (tmp_path / "pytest.ini").write_text("[pytest]\nusefixtures = clean_environment\n")

    output = run(
        tmp_path, SETTINGS, LAKEHOUSE_HOME="/nowhere", LAKEHOUSE_SPARK__REMOTE="sc://prod", LAKEHOUSE_CACHE="/c"
    )

    settings = json.loads(printed(output, "SETTINGS"))
    assert settings.pop("LAKEHOUSE_HOME") != "/nowhere"
    assert settings.pop("LAKEHOUSE_AOT") == os.environ.get("LAKEHOUSE_AOT", "use")
    assert settings == {"LAKEHOUSE_PROJECT": str(tmp_path), "LAKEHOUSE_CACHE": "/c"} | {
        name: value for name, value in os.environ.items() if name in ("LAKEHOUSE_TRUSTSTORE", "LAKEHOUSE_IVY_SETTINGS")
    }


def test_two_workers_share_one_workspace(tmp_path: Path):
    run(tmp_path, SHARED, "-n", "2")

    first, second = ((tmp_path / f"home-{number}").read_text() for number in (1, 2))
    assert first == second


@pytest.mark.slow
@pytest.mark.parametrize(("is_ended", "code"), [(True, 143), (False, 0)], ids=["asked to end", "ends by itself"])
def test_a_run_with_workers_leaves_no_server(tmp_path: Path, is_ended: bool, code: int):
    (tmp_path / "test_it.py").write_text(SERVED)
    # What is there of a run that passed is removed: its servers have to be gone by then.
    own = ["-o", "tmp_path_retention_policy=failed", "-p", "no:cacheprovider", "--rootdir", tmp_path, tmp_path]
    with (tmp_path / "output").open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "pytest", "-q", "-n", "1", *own], cwd=tmp_path, stdout=output, stderr=output
        )
    try:
        until(lambda: (tmp_path / "home").exists() or process.poll() is not None, 240, "the servers up")
        home = Path((tmp_path / "home").read_text())
        assert started_by(home)

        if is_ended:
            process.terminate()
        else:
            (tmp_path / "go").touch()

        assert process.wait(120) == code
        assert started_by(home) == []
        assert home.exists() == is_ended
    finally:
        process.kill()
