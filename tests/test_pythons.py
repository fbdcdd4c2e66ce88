"""The whole chain on each Python that the package allows and this machine has: locked packages, then the demo."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT, SHORT_LIVED
from tests.environments import MINORS, UV, install_locked, interpreter, of_the_tutorial


def run(*command: object, **environment: str) -> str:
    done = subprocess.run(
        list(map(str, command)),
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-5000:]
    return done.stdout


def test_setup_and_readme_name_every_python_that_the_package_allows():
    names = [f"3.{minor}" for minor in MINORS]
    said = ", ".join(names[:-1]) + f" or {names[-1]}"

    assert f"Python {said}" in (ROOT / "README.md").read_text()
    assert f"Python {said}" in (ROOT / "infra" / "setup.sh").read_text()
    assert f"sys.version_info < (3, {MINORS[-1] + 1})" in (ROOT / "infra" / "setup.sh").read_text()


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("minor", [pytest.param(minor, id=f"3.{minor}") for minor in MINORS])
def test_the_locked_packages_install_and_the_demo_runs(minor: int, tmp_path: Path):
    python = interpreter(minor)
    if python is None:
        pytest.skip(f"no Python 3.{minor} here, neither by name nor in pyenv")
    if minor == sys.version_info.minor:
        pytest.skip("the Python of this run: all other tests run on it")
    if minor == of_the_tutorial():
        pytest.skip("the tutorial's whole chain runs on it (tests/docs/test_tutorial.py)")
    theirs = tmp_path / "venv" / "bin" / "python"
    run(python, "-m", "venv", "--without-pip", tmp_path / "venv")

    install_locked(theirs)
    run(
        UV, "pip", "install", "--quiet", "--python", theirs, "--offline", "--no-deps", "--no-build-isolation",
        "--editable", ".",
    )  # fmt: skip

    project = tmp_path / "project"
    project.mkdir()
    for name in ("data", "expectations", "dbt_project", "assets", "orchestration"):
        (project / name).symlink_to(ROOT / name)
    own = SHORT_LIVED | {"LAKEHOUSE_HOME": str(tmp_path / "home"), "LAKEHOUSE_PROJECT": str(project)}
    try:
        screen = run(theirs, "-m", "orchestration.demo", "--rows", "2000", **own)
    finally:
        run(theirs.with_name("lakehouse"), "down", **own)
    assert "Model heart: version 1, alias champion" in screen
