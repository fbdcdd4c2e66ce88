"""Which code made a version: a digest of what a transform is made of, and the commit of the checkout."""

import functools
import inspect
import sys
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import Any

from lakehouse.declare.table import Table
from lakehouse.runs.code_modules import ProjectModules
from lakehouse.runs.code_values import Values


@dataclass(frozen=True)
class Code:
    """What a transform is made of.

    Args:
        digest: Equal for equal code, in every process and on every machine with the same minor version of Python.
        not_followed: What the transform uses and cannot be compared, in words. If there is any, no other run has the
            same digest: the code counts as changed.
    """

    digest: str
    not_followed: tuple[str, ...] = ()

    @property
    def messages(self) -> tuple[str, ...]:
        """What the reader of the run should know."""
        if not self.not_followed:
            return ()
        line = (
            f"Its code counts as changed in each run, because it uses what cannot be compared with the last run: "
            f"{'; '.join(self.not_followed)}. Make such a value inside the function, from values that can."
        )
        return (line,)


def code_of(function: Callable[..., Any], reads: Mapping[str, Any], *others: str) -> Code:
    """What `function` is made of, what it reads, and `others` (a declaration, a suite).

    What it is made of: its own code, what it closes over, its defaults, and the globals that it names, which are
    followed in the same way, through all modules of the project. The library and installed packages count by the names
    that are used of them. Nothing is imported and nothing is called but what `pickle` would ask a value.

    Args:
        function: The transform, decorated or not.
        reads: Its inputs. Of a table that it reads only the name counts: the table's own version speaks for it.
        *others: Further texts.
    """
    top = _module_of(function).partition(".")[0]
    modules = ProjectModules(frozenset({top}))
    values = Values(modules, _root_of(top))
    inputs = {name: _read_from(source) for name, source in sorted(reads.items())}
    parts = values.digest((function, inputs, others))
    not_followed = (*values.not_followed, *modules.not_followed)
    digest = parts.hex()[:16] if not not_followed else uuid.uuid4().hex[:16]
    return Code(digest, not_followed)


def _module_of(function: Any) -> str:
    """The module in which the innermost of a chain of decorators or partials was written."""
    while isinstance(function, functools.partial):
        function = function.func
    return str(getattr(inspect.unwrap(function), "__module__", None) or "")


def _root_of(top: str) -> str:
    """The folder that holds a top package; empty if it has none."""
    module = sys.modules.get(top)
    if module is None or not getattr(module, "__file__", None):
        return ""
    folder = Path(str(module.__file__)).parent
    return str(folder.parent if hasattr(module, "__path__") else folder)


def _read_from(source: Any) -> Any:
    """A source with the names of the tables in it in their place."""
    if isinstance(source, Table):
        return (type(source).__name__, source.name)
    if not is_dataclass(source) or isinstance(source, type):
        return source
    return (type(source).__name__, *(_read_from(getattr(source, field.name)) for field in fields(source)))


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
