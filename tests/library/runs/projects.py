"""Small projects on disk, each in a folder of its own, of which a function is followed."""

import importlib
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp
from types import ModuleType
from typing import Any

from lakehouse.runs.code_version import Code, code_of

TOP = "shop_of_tests"
BESIDE = "beside_of_tests"


def write(folder: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


@contextmanager
def imported(parent: Path, files: Mapping[str, str], name: str = f"{TOP}.asset") -> Iterator[ModuleType]:
    """A project in a new folder, and its module; nothing of it is imported afterwards."""
    folder = Path(mkdtemp(dir=parent))
    write(folder, {f"{TOP}/__init__.py": "", **files})
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    try:
        yield importlib.import_module(name)
    finally:
        sys.path.remove(str(folder))
        for module in [module for module in sys.modules if module.partition(".")[0] in {TOP, BESIDE}]:
            del sys.modules[module]


def code(parent: Path, files: Mapping[str, str], reads: Mapping[str, Any] | None = None) -> Code:
    """What the function `asset` of `asset.py` is made of."""
    with imported(parent, files) as module:
        return code_of(module.asset, reads or {})
