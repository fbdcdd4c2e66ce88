"""Environments with the locked packages, for tests that run in another one than this, and on other Pythons."""

import os
import shutil
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path

from packaging.specifiers import SpecifierSet

from tests.conftest import ROOT

UV = Path(sys.executable).with_name("uv")
ALLOWED = SpecifierSet(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"])
MINORS = [minor for minor in range(11, 20) if f"3.{minor}.99" in ALLOWED]


@cache
def interpreter(minor: int) -> str | None:
    """A Python of this minor version: by its name, or where pyenv keeps it."""
    folders = sorted(Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")).glob(f"versions/3.{minor}.*/bin"))
    candidates = [shutil.which(f"python3.{minor}"), *(str(folder / "python") for folder in folders)]
    for candidate in filter(None, candidates):
        answer = subprocess.run([candidate, "-V"], capture_output=True, text=True, check=False)
        if answer.stdout.startswith(f"Python 3.{minor}."):
            return candidate
    return None


def of_the_tutorial() -> int:
    """The Python on which the tutorial is done: the newest that is here and not the run's own, if there is another."""
    others = [minor for minor in MINORS if minor != sys.version_info.minor and interpreter(minor)]
    return others[-1] if others else sys.version_info.minor


def install_locked(python: Path) -> None:
    """Install `requirements.lock` into the environment of a Python, from uv's cache if all is there.

    Online, uv asks whether pyspark's source has changed, and an index that does not say how long a file is fresh makes
    it fetch and build pyspark again: 25 seconds of CPU time.
    """
    command = [UV, "pip", "sync", "--quiet", "--python", python, "--require-hashes", ROOT / "requirements.lock"]
    if subprocess.run([*command, "--offline"], capture_output=True, check=False).returncode != 0:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
