"""Which code made a version: a digest of what a transform is made of, and the commit of the checkout."""

import ast
import hashlib
import inspect
import sys
from collections.abc import Callable, Iterator
from functools import cache
from types import ModuleType
from typing import Any


def _used(module: ModuleType) -> Iterator[str]:
    """Modules of the same top package that `module` imports from, but for declarations of the library's kinds.

    A table or a model that is imported is an input: its own version speaks for it.
    """
    top = module.__name__.partition(".")[0] + "."
    for node in ast.walk(ast.parse(inspect.getsource(module))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.startswith(top))
        elif isinstance(node, ast.ImportFrom) and node.module and f"{node.module}.".startswith(top):
            imported = [getattr(sys.modules.get(node.module), alias.name, None) for alias in node.names]
            if not all(type(value).__module__.startswith("lakehouse.") for value in imported):
                yield node.module
            yield from (value.__name__ for value in imported if isinstance(value, ModuleType))


def _parts(module: ModuleType, seen: set[str]) -> Iterator[ModuleType]:
    """`module` and the modules of the same top package that it is made of."""
    seen.add(module.__name__)
    yield module
    for name in _used(module):
        if name not in seen and name in sys.modules:
            yield from _parts(sys.modules[name], seen)


def digest(function: Callable[..., Any], *others: str) -> str:
    """SHA-256 of the source that `function` is made of, and of `others` (a declaration, a suite).

    Modules of the function's own top package count; the library and installed packages do not.
    """
    module = inspect.getmodule(function)
    source = hashlib.sha256()
    if module is not None:
        for part in sorted(_parts(module, set()), key=lambda part: part.__name__):
            source.update(inspect.getsource(part).encode())
    for text in others:
        source.update(b"\0" + text.encode())
    return source.hexdigest()[:16]


@cache
def commit(folder: str) -> str | None:
    """The git commit of `folder`, with `+` where files differ from it; None outside a checkout or without git."""
    head = _git(folder, "rev-parse", "--short=12", "HEAD")
    return head and head + ("+" if _git(folder, "status", "--porcelain", "--untracked-files=no") else "")


def is_commit_of(folder: str, made_by: str | None) -> bool | None:
    """Whether the checkout of `folder` has a commit that `commit` gave once; None if that cannot be told.

    It cannot where there is no checkout with all its history, or where nothing was given.
    """
    if not made_by or _git(folder, "rev-parse", "--is-shallow-repository") != "false":
        return None
    return _git(folder, "cat-file", "-e", f"{made_by.removesuffix('+')}^{{commit}}") is not None


def _git(folder: str, *words: str) -> str | None:
    """What git says; None if it refuses, or is not there."""
    import shutil
    import subprocess

    git = shutil.which("git")
    if git is None:
        return None
    done = subprocess.run([git, "-C", folder, *words], capture_output=True, text=True, check=False)  # noqa: S603
    return done.stdout.strip() if done.returncode == 0 else None
