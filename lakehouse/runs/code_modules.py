"""The modules of a project, and what those hold that a function imports when it is called. None is imported here."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import find_spec, resolve_name
from itertools import accumulate
from pathlib import Path
from types import CodeType

from lakehouse.runs.code_instructions import Import, hashed, instructions_of

_INSTALLED = frozenset({"site-packages", "dist-packages"})
_LIBRARY = __name__.partition(".")[0]


@dataclass
class ProjectModules:
    """Which modules are the project's, and the digests of those that are imported late.

    Args:
        own: Top packages that are the project's wherever they lie: those of the function in question.
        not_followed: Modules of which it cannot be told what they do, in words; filled by `digest`.
    """

    own: frozenset[str]
    not_followed: dict[str, None] = field(default_factory=dict)
    _known: dict[str, bool] = field(default_factory=dict)

    def __contains__(self, name: object) -> bool:
        """Whether the module of this name is the project's: no library's, this one's included, nor Python's own."""
        top = str(name).partition(".")[0]
        if top not in self._known:
            self._known[top] = top in self.own or _is_no_library(top)
        return self._known[top]

    def digest(self, imported: Import, package: str) -> bytes:
        """Digest of all modules of the project that an import inside a function brings, by their files.

        They are read as a whole, with all that they import: nothing is known of them until the function runs. So it
        does not matter whether they were imported already.

        Args:
            imported: The statement.
            package: The package of the module in which it stands.
        """
        seen: dict[str, bytes] = {}
        waiting = [*self._targets(imported, package)]
        while waiting:
            name = waiting.pop()
            if name in seen:
                continue
            code = self._code(name)
            if code is None:
                seen[name] = b""
                continue
            read = instructions_of(code)
            seen[name] = read.digest
            self.not_followed.update(dict.fromkeys(f"{name}, which calls `{call}`" for call in read.looks_up))
            spec = _spec(name)
            inside = name if spec and spec.submodule_search_locations is not None else name.rpartition(".")[0]
            for deeper in read.imports:
                waiting += self._targets(deeper, inside)
        return hashed(*(part for name in sorted(seen) for part in (name.encode(), seen[name])))

    def _targets(self, imported: Import, package: str) -> Iterator[str]:
        """Full names of the project's modules that a statement brings."""
        try:
            name = resolve_name("." * imported.level + imported.module, package or None)
        except ImportError:
            return
        if name not in self:
            return
        if not imported.names:  # `import a.b` binds `a`
            yield from accumulate(name.split("."), "{}.{}".format)
            return
        submodules = [inner for inner in imported.names if inner != "*" and _spec(f"{name}.{inner}")]
        yield from (f"{name}.{inner}" for inner in submodules)
        code = self._code(name) if len(submodules) == len(imported.names) else None
        # A package that neither names the submodules nor imports all of a module has no say in what they are.
        if code is None or ("*",) in code.co_consts or {*submodules, "__getattr__"} & {*code.co_names}:
            yield name

    def _code(self, name: str) -> CodeType | None:
        """The compiled module; None if there is none of this name, or it is a folder without `__init__.py`."""
        spec = _spec(name)
        if spec is None or spec.loader is None or spec.origin is None:
            return None
        try:
            code: CodeType | None = spec.loader.get_code(name)  # type: ignore[attr-defined]
        except (AttributeError, ImportError, OSError, SyntaxError, ValueError):
            code = None
        if code is None:
            self.not_followed[f"{name}, which cannot be read"] = None
        return code


def _is_no_library(top: str) -> bool:
    if top in sys.stdlib_module_names or top == _LIBRARY:
        return False
    if top == "__main__":
        return True
    loaded = sys.modules.get(top)
    spec = None if loaded else _spec(top)
    places = [getattr(loaded, "__file__", None), *getattr(loaded, "__path__", ())] if loaded else []
    places += [spec.origin, *(spec.submodule_search_locations or ())] if spec else []
    files = [Path(place) for place in places if place]
    return bool(files) and not any(_INSTALLED & {*file.parts} for file in files)


def _spec(name: str) -> ModuleSpec | None:
    """Where a module is kept; None if it is nowhere. `importlib.util.find_spec` would import the packages above it."""
    top, *rest = name.split(".")
    loaded = sys.modules.get(top)
    if rest and loaded is not None and hasattr(loaded, "__path__"):
        path, spec = list(loaded.__path__), None
    else:
        spec = PathFinder.find_spec(top) or _spec_of_a_finder(top)
        path = list((spec and spec.submodule_search_locations) or ())
    for depth, _ in enumerate(rest, start=2):
        spec = PathFinder.find_spec(".".join(name.split(".")[:depth]), path)
        if spec is None:
            return None
        path = list(spec.submodule_search_locations or ())
    return spec


def _spec_of_a_finder(top: str) -> ModuleSpec | None:
    """Where a top package is kept that is on no path: an editable installation has a finder of its own."""
    try:
        return find_spec(top)
    except ValueError:  # loaded, without a word of where from
        return None
