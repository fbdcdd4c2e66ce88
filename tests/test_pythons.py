"""The whole chain on each Python that the package allows and this machine has: locked packages, then the demo."""

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet

from tests.conftest import ROOT, SHORT_LIVED
from tests.environments import UV, install_locked

ALLOWED = SpecifierSet(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"])
MINORS = [minor for minor in range(11, 20) if f"3.{minor}.99" in ALLOWED]


def interpreter(minor: int) -> str | None:
    """A Python of this minor version: by its name, or where pyenv keeps it."""
    folders = sorted(Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")).glob(f"versions/3.{minor}.*/bin"))
    candidates = [shutil.which(f"python3.{minor}"), *(str(folder / "python") for folder in folders)]
    for candidate in filter(None, candidates):
        answer = subprocess.run([candidate, "-V"], capture_output=True, text=True, check=False)
        if answer.stdout.startswith(f"Python 3.{minor}."):
            return candidate
    return None


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
