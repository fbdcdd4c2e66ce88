"""Which code made a version: a digest of what a transform is made of, and the commit of the checkout."""

import hashlib
import inspect
import sys
from collections.abc import Callable, Iterator
from functools import cache
from types import ModuleType
from typing import Any


def _parts(module: ModuleType, seen: set[str]) -> Iterator[ModuleType]:
    """`module` and the modules of the same top package whose functions or classes it uses."""
    seen.add(module.__name__)
    yield module
    top = module.__name__.partition(".")[0] + "."
    for value in vars(module).values():
        name = value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", None)
        if isinstance(name, str) and name.startswith(top) and name not in seen and name in sys.modules:
            yield from _parts(sys.modules[name], seen)


def digest(function: Callable[..., Any], *others: str) -> str:
    """SHA-256 of the source that `function` is made of, and of `others` (a declaration, a suite).

    Modules of the function's own top package count; the library and installed packages do not.
    """
    module = inspect.getmodule(function)
    found = hashlib.sha256()
    if module is not None:
        for part in sorted(_parts(module, set()), key=lambda each: each.__name__):
            found.update(inspect.getsource(part).encode())
    for text in others:
        found.update(b"\0" + text.encode())
    return found.hexdigest()[:16]


@cache
def commit(folder: str) -> str | None:
    """The git commit of `folder`, with `+` where files differ from it; None outside a checkout or without git."""
    import shutil
    import subprocess

    git = shutil.which("git")
    if git is None:
        return None

    def ask(*words: str) -> str | None:
        done = subprocess.run([git, "-C", folder, *words], capture_output=True, text=True, check=False)  # noqa: S603
        return done.stdout.strip() if done.returncode == 0 else None

    head = ask("rev-parse", "--short=12", "HEAD")
    return head and head + ("+" if ask("status", "--porcelain", "--untracked-files=no") else "")
