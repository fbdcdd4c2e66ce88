"""A project whose files a test writes: its package `assets` is imported anew after each change."""

import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def declaring(project: Path) -> Iterator[Callable[[str], None]]:
    """Gives a function that makes a text the one file of the project's assets."""
    path, assets = list(sys.path), project / "assets"
    assets.mkdir()
    (assets / "__init__.py").touch()

    def declare(text: str) -> None:
        _forget()
        for old in assets.glob("things_*.py"):
            old.unlink()
        # A name of its own: Python trusts a compiled file that is as old as its source, to the second.
        (assets / f"things_{uuid.uuid4().hex[:6]}.py").write_text(text)

    declare("")
    yield declare
    _forget()
    sys.path[:] = path


def _forget() -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "assets"]:
        del sys.modules[name]
