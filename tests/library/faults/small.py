"""A small disk: a file system in memory under a table's folder, where this user may mount one."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

SIZE = "4m"


@contextmanager
def small_disk(folder: Path) -> Iterator[bool]:
    """Have `folder` be a small file system; gives False, and nothing done, where this user must not mount."""
    folder.mkdir(parents=True, exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", folder]
    mounted = subprocess.run(command, capture_output=True, check=False)
    try:
        yield mounted.returncode == 0
    finally:
        if mounted.returncode == 0:
            subprocess.run(["umount", "-l", folder], check=True)


class Ballast:
    """A file that takes all the room that is left."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "_ballast"

    def take(self) -> None:
        """Fill the disk to the last byte."""
        with suppress(OSError), open(self.file, "ab", buffering=0) as file:
            while file.write(b"." * 4096) == 4096:
                pass

    def give_back(self) -> None:
        """Make room."""
        self.file.unlink(missing_ok=True)
