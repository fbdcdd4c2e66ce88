"""Who may reach files: what a folder lets others do, and another user of the machine who tries."""

import os
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

NOBODY = 65534
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")

_BECOME = """
import os, sys
os.umask(0o022)
os.setgroups([])
os.setgid(int(sys.argv.pop(1)))
os.setuid(65534)
"""


@contextmanager
def reachable_folder() -> Iterator[Path]:
    """A folder that every user can enter; pytest's own are closed."""
    with tempfile.TemporaryDirectory(prefix="lakehouse-reachable-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@contextmanager
def umask(value: int) -> Iterator[None]:
    """Another umask of this process."""
    before = os.umask(value)
    try:
        yield
    finally:
        os.umask(before)


def entries(folder: Path) -> Iterator[tuple[str, os.stat_result]]:
    """All that is in a folder and below it, and the folder, by its path; links, which have no rights, are left out."""
    yield ".", folder.lstat()
    for place, folders, files in os.walk(folder):
        for path in (Path(place, name) for name in (*folders, *files)):
            with suppress(FileNotFoundError):  # servers remove files meanwhile
                told = path.lstat()
                if not stat.S_ISLNK(told.st_mode):
                    yield str(path.relative_to(folder)), told


def wider_than(rights: int, folder: Path) -> dict[str, str]:
    """The mode of each file and folder that has a right that is not among `rights`, by its path."""
    modes = {name: stat.S_IMODE(told.st_mode) for name, told in entries(folder)}
    return {name: f"{mode:04o}" for name, mode in modes.items() if mode & ~rights}


def as_nobody(code: str, *arguments: object, imports: str = "", group: int = NOBODY) -> str:
    """What Python prints that runs `code` as a user without any right but those of a group.

    It runs `imports` before: a user without rights may not be able to read this Python.
    """
    command = [sys.executable, "-c", imports + _BECOME + code, str(group), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
