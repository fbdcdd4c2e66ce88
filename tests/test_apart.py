"""The library's tests need no file of the reference project."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT, SHORT_LIVED

ABSENT = {"assets", "orchestration", "expectations", "dbt_project", "data"}
# Without a server, then with one.
RUN = ("tests/library/declare/test_table.py", "tests/library/locks", "tests/library/write/test_rejected.py")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """What the repository tracks, without the reference project and its tests."""
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    for name in tracked:
        parts = Path(name).parts
        belongs_to_the_project = parts[0] in ABSENT or (
            parts[0] == "tests" and len(parts) > 2 and parts[1] != "library"
        )
        if not belongs_to_the_project and (ROOT / name).is_file():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def pytest_in(folder: Path, *arguments: str) -> str:
    """What pytest prints when it runs in a copy, with the copy's own library."""
    environment = {**os.environ, **SHORT_LIVED, "PYTHONPATH": str(folder)}
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-5000:]
    return done.stdout


@pytest.mark.slow
def test_the_tests_of_the_library_run_where_the_reference_project_is_absent(copy: Path):
    here = subprocess.run(
        [sys.executable, "-c", "import lakehouse; print(lakehouse.__file__)"],
        cwd=copy,
        env={**os.environ, "PYTHONPATH": str(copy)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert here.startswith(str(copy))

    assert "tests collected" in pytest_in(copy, "--collect-only", "tests/library")
    assert "failed" not in pytest_in(copy, "-m", "not slow", *RUN)
