"""Environments with the locked packages, for tests that run in another one than this."""

import subprocess
import sys
from pathlib import Path

from tests.conftest import ROOT

UV = Path(sys.executable).with_name("uv")


def install_locked(python: Path) -> None:
    """Install `requirements.lock` into the environment of a Python, from uv's cache if all is there.

    Online, uv asks whether pyspark's source has changed, and an index that does not say how long a file is fresh makes
    it fetch and build pyspark again: 25 seconds of CPU time.
    """
    command = [UV, "pip", "sync", "--quiet", "--python", python, "--require-hashes", ROOT / "requirements.lock"]
    if subprocess.run([*command, "--offline"], capture_output=True, check=False).returncode != 0:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
