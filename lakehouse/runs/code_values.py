"""Digests of what a function is made of, by value: its code, what it closes over, and the globals that it names."""

import builtins
import copyreg
import functools
import os
import sys
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import PurePath
from types import (
    BuiltinFunctionType,
    CellType,
    CodeType,
    FunctionType,
    GetSetDescriptorType,
    MappingProxyType,
    MethodType,
    ModuleType,
)
from typing import Any

from lakehouse.runs.code_instructions import Import, hashed, instructions_of, plain
from lakehouse.runs.code_modules import ProjectModules

# Globals that each module has; they say where it lies.
_OF_THE_MACHINE = frozenset({"__file__", "__path__", "__spec__", "__loader__", "__cached__", "__builtins__"})
# Attributes of a class that follow from the others, or have no order. Pydantic's hold addresses.
_OF_THE_CLASS = frozenset(
    {
        "__dict__",
        "__weakref__",
        "__module__",
        "__doc__",
        "_abc_impl",
        "__firstlineno__",
        "__static_attributes__",
        "__pydantic_core_schema__",
        "__pydantic_serializer__",
        "__pydantic_validator__",
    }
)
# They hold no value: only who waits, what others keep, or what is another in each process.
_WITHOUT_VALUE = (
    type(threading.Lock()),
    type(threading.RLock()),
    threading.local,
    weakref.ref,
    weakref.WeakKeyDictionary,
    weakref.WeakValueDictionary,
    weakref.WeakSet,
    os._Environ,
)
# What there is in a value of a kind that says nothing more.
_INNER: Mapping[type, Callable[[Any], Iterable[Any]]] = {
    MethodType: lambda value: (value.__func__, value.__self__),
    property: lambda value: (value.fget, value.fset, value.fdel),
    staticmethod: lambda value: (value.__func__,),
    classmethod: lambda value: (value.__func__,),
    functools._lru_cache_wrapper: lambda value: (value.__wrapped__,),
    MappingProxyType: lambda value: (dict(value),),
    PurePath: lambda value: (str(value),),
}
_MOST_VALUES = 1_000_000


class _TooMuchError(Exception):
    """A value holds more than can be followed."""


@dataclass
class Values:
    """Follows values and gives each a digest that is the same in every process with this minor version of Python.

    Args:
        modules: Those of the project; functions and classes of others are known by their names.
        root: The folder of the project, which is left out of texts that begin with it; empty if it has none.
        not_followed: What cannot be followed, in words, without a value.
    """

    modules: ProjectModules
    root: str = ""
    not_followed: dict[str, None] = field(default_factory=dict)
    _place: list[str] = field(default_factory=list)
    _open: set[int] = field(default_factory=set)
    # With the value, which must live as long as its id is a key.
    _digests: dict[int, tuple[Any, bytes]] = field(default_factory=dict)
    _count: int = 0

    def digest(self, value: Any) -> bytes:
        """The digest of a value, and of all that it is made of."""
        try:
            return self._of(value)
        except (RecursionError, _TooMuchError):
            return self._lost("more values than can be followed")

    def _of(self, value: Any) -> bytes:
        text = plain(value)
        if text is not None:
            return hashed(text.replace(self.root.encode(), b"\0project", 1) if self._is_within(value) else text)
        if id(value) in self._digests:
            return self._digests[id(value)][1]
        if id(value) in self._open:
            return hashed(b"again", _name_of(value))
        self._count += 1
        if self._count > _MOST_VALUES:
            raise _TooMuchError
        self._open.add(id(value))
        before = len(self.not_followed)
        try:
            digest = hashed(_name_of(type(value)), *self._parts(value))
        finally:
            self._open.discard(id(value))
        if len(self.not_followed) == before:
            self._digests[id(value)] = (value, digest)
        return digest

    def _is_within(self, value: Any) -> bool:
        return bool(self.root) and type(value) is str and (value + os.sep).startswith(self.root + os.sep)

    def _all(self, values: Iterable[Any]) -> list[bytes]:
        return [self._of(value) for value in values]

    def _pairs(self, pairs: Iterable[tuple[Any, Any]]) -> list[bytes]:
        return [part for key, value in pairs for part in (self._of(key), self._of(value))]

    def _parts(self, value: Any) -> list[bytes]:
        for kind, inner in _INNER.items():
            if isinstance(value, kind):
                return self._all(inner(value))
        for kind, parts in self._kinds:
            if isinstance(value, kind):
                return parts(value)
        return self._content(value)

    @cached_property
    def _kinds(self) -> Sequence[tuple[type, Callable[[Any], list[bytes]]]]:
        """How a kind is followed of which the values inside do not say all."""
        return (
            (FunctionType, self._function),
            (type, self._class),
            (ModuleType, self._module),
            (CodeType, lambda value: self._code(value, {})),
            (CellType, lambda value: [self._cell(value)]),
            (BuiltinFunctionType, self._built_in),
            (GetSetDescriptorType, lambda value: [_name_of(value)]),
        )

    def _built_in(self, value: Any) -> list[bytes]:
        owner = value.__self__
        return [_name_of(value), *([] if isinstance(owner, ModuleType) else [self._of(owner)])]

    def _content(self, value: Any) -> list[bytes]:
        """The parts of what is neither code nor a declaration of Python's."""
        kind = type(value)
        if kind is tuple or kind is list:
            return self._all(value)
        if kind is dict:
            return [self._lost("sys.modules")] if value is sys.modules else self._pairs(value.items())
        if kind is set or kind is frozenset:
            return sorted(self._all(value))
        if isinstance(value, _WITHOUT_VALUE):
            return []
        return self._pickled(value)

    def _pickled(self, value: Any) -> list[bytes]:
        """The parts of which `pickle` would make it anew; nothing is made."""
        kind = type(value)
        try:
            reducer = copyreg.dispatch_table.get(kind)
            reduced = reducer(value) if reducer else value.__reduce_ex__(4)
            if isinstance(reduced, str):
                return [reduced.encode()]
            make, arguments, state, members, items = (*reduced[:5], None, None, None)[:5]
            members, items = [*(members or ())], [*(items or ())]
        except (RecursionError, _TooMuchError):
            raise
        except Exception:  # any class may refuse, in any way
            return [self._lost(f"a {kind.__module__}.{kind.__qualname__}")]
        parts = [*self._all((make, arguments)), *self._all(members), *self._pairs(items)]
        return [*parts, *self._all(_without_cached(kind, part) for part in _state(state))]

    def _lost(self, what: str) -> bytes:
        where = [place for place in self._place if place]
        named = f"`{where[-1]}` of {where[-2]}" if len(where) > 1 else "".join(where) or "the function"
        self.not_followed[f"{named}: {what}"] = None
        return b"not followed"

    @contextmanager
    def _at(self, *places: str) -> Iterator[None]:
        """Names what is followed, for the messages."""
        self._place += places
        try:
            yield
        finally:
            del self._place[-len(places) :]

    def _if_followed(self, value: Any) -> bytes:
        """The digest of a value that follows from others: if it cannot be followed that is no loss."""
        before = dict(self.not_followed)
        digest = self._of(value)
        if len(self.not_followed) == len(before):
            return digest
        self.not_followed = before
        return _name_of(type(value))

    def _cell(self, cell: CellType) -> bytes:
        try:
            return self._of(cell.cell_contents)
        except ValueError:
            return b"empty"

    def _function(self, function: FunctionType) -> list[bytes]:
        module = function.__globals__.get("__name__", "")
        name = f"{module}.{function.__code__.co_qualname}"
        followed = module in self.modules
        if not followed and function.__module__ not in self.modules and _is_importable(function):
            return [_name_of(function)]
        if module == functools.__name__ and "registry" in function.__dict__:  # of functools.singledispatch
            return [self._of(function.__dict__["registry"])]
        parts = [name.encode()]
        with self._at(name):
            if followed:
                parts += self._code(function.__code__, function.__globals__)
                parts.append(self._if_followed(function.__annotations__))
            for closed, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
                with self._at(closed):
                    parts.append(self._cell(cell))
            given = (function.__defaults__, function.__kwdefaults__, dict(sorted(function.__dict__.items())))
            parts += self._all(given)
        return parts

    def _code(self, code: CodeType, globals_: Mapping[str, Any]) -> list[bytes]:
        read = instructions_of(code)
        parts = [read.digest]
        for name in read.names:
            with self._at(name[0]):
                parts.append(self._global(name, globals_))
        package = globals_.get("__package__") or ""
        for imported in read.imports:
            parts.append(self.modules.digest(imported, package))
        for call in read.looks_up:
            if call not in globals_ or globals_[call] is getattr(builtins, call, None) or call == "import_module":
                with self._at(call):
                    self._lost("it finds code by a text")
        return parts

    def _global(self, name: Sequence[str], globals_: Mapping[str, Any]) -> bytes:
        if name[0] in _OF_THE_MACHINE or (name[0] not in globals_ and hasattr(builtins, name[0])):
            return name[0].encode()
        if name[0] not in globals_:
            return b"missing"
        value, attributes = globals_[name[0]], list(name[1:])
        while isinstance(value, ModuleType) and attributes and value.__name__ in self.modules:
            attribute = attributes.pop(0)
            if attribute in _OF_THE_MACHINE:
                return attribute.encode()
            if attribute not in vars(value):
                late = self.modules.digest(Import(value.__name__, 0, (attribute,)), "")
                return hashed(late, self._of(vars(value).get("__getattr__")))
            value = vars(value)[attribute]
        return self._of(value)

    def _module(self, module: ModuleType) -> list[bytes]:
        """A module that is used as a whole. Which modules it holds depends on what was imported before."""
        name = module.__name__
        if name not in self.modules:
            return [name.encode()]
        values = sorted((key, value) for key, value in vars(module).items() if not isinstance(value, ModuleType))
        own = [(key, value) for key, value in values if not (key.startswith("__") and key.endswith("__"))]
        parts = [self.modules.digest(Import(name, 0, ("*",)), "")]
        for key, value in own:
            with self._at(name, key):
                parts += [key.encode(), self._of(value)]
        return parts

    def _class(self, kind: type) -> list[bytes]:
        name = _name_of(kind)
        if kind.__module__ not in self.modules:
            return [name]
        parts = [name, *self._all((type(kind), kind.__bases__))]
        for key, value in vars(kind).items():
            if key in _OF_THE_CLASS:
                continue
            made_by_python = key.startswith("__") and key.endswith("__") and not isinstance(value, FunctionType)
            with self._at(name.decode(), key):
                parts += [key.encode(), self._if_followed(value) if made_by_python else self._of(value)]
        return parts


def _name_of(value: Any) -> bytes:
    """Module and name of a function, a class or a module; of another value, those of its class."""
    named = isinstance(value, type | FunctionType | BuiltinFunctionType | GetSetDescriptorType | ModuleType)
    kind = value if named else type(value)
    name = getattr(kind, "__qualname__", None) or getattr(kind, "__name__", "")
    module = getattr(kind, "__module__", None) or ""
    return f"{module}.{name}".encode()


def _is_importable(function: FunctionType) -> bool:
    """Whether a function is the one that its module has under its name, so that the name says all of it."""
    value: Any = sys.modules.get(function.__module__)
    for part in function.__qualname__.split("."):
        value = getattr(value, "__dict__", {}).get(part)
    return value is function


def _state(state: Any) -> tuple[Any, ...]:
    """What an object holds: in `__dict__`, and if that is a pair in slots."""
    pair = isinstance(state, tuple) and len(state) == 2 and all(part is None or type(part) is dict for part in state)
    return state if pair else (state,)


def _without_cached(kind: type, state: Any) -> Any:
    """A state without what `functools.cached_property` put there: it is there only once it was asked for."""
    if type(state) is not dict:
        return state
    cached = {name for base in kind.__mro__ for name, value in vars(base).items() if _is_cached(value)}
    return {name: value for name, value in state.items() if name not in cached}


def _is_cached(value: Any) -> bool:
    return isinstance(value, functools.cached_property)
