"""Ways to import a function, and ways to make one, from which random projects are put together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from tests.library.runs.projects import BESIDE, TOP

# How a module gets at `g` of another one: statements, and the expression that is `g`. `{full}` is the other's name,
# `{package}` and `{last}` its two parts, `{dots}` the way from a module of the same project to the top.
IMPORTS = {
    "absolute": ("from {full} import g as {alias}", "{alias}"),
    "relative": ("from {dots}{inner} import g as {alias}", "{alias}"),
    "module": ("import {full}", "{full}.g"),
    "module by another name": ("import {full} as {alias}", "{alias}.g"),
    "module from its package": ("from {package} import {last} as {alias}", "{alias}.g"),
    "star": ("from {full} import *\n{alias} = g", "{alias}"),
    "by a name in a text": ("import {full} as {alias}", "getattr({alias}, 'g')"),
}
LATE = ("absolute", "relative", "module", "module by another name", "module from its package", "by a name in a text")

# How a module makes `g`, which gives the number `{number}` and what the next one gives, `{next}`.
MAKES = {
    "function": "def g():\n    return {number} + {next}\n",
    "lambda": "g = lambda: {number} + {next}\n",
    "default": "def g(start={number}):\n    return start + {next}\n",
    "default by keyword": "def g(*, start={number}):\n    return start + {next}\n",
    "global": "LIMIT = {number}\ndef g():\n    return LIMIT + {next}\n",
    "global in a container": "LIMITS = {{'a': [1, ({number},)], 'b': {{2, 3}}}}\n"
    "def g():\n    return LIMITS['a'][1][0] + {next}\n",
    "closed over": "def make(start):\n    def inner():\n        return start + {next}\n    return inner\n"
    "g = make({number})\n",
    "made by a factory": "def make():\n    def inner():\n        return {number} + {next}\n"
    "    return inner\ng = make()\n",
    "decorated": "import functools\ndef doubled(function):\n    @functools.wraps(function)\n"
    "    def wrapper():\n        return 2 * function()\n    return wrapper\n"
    "@doubled\ndef g():\n    return {number} + {next}\n",
    "decorated without wraps": "def doubled(function):\n    def wrapper():\n        return 2 * function()\n"
    "    return wrapper\n@doubled\ndef g():\n    return {number} + {next}\n",
    "decorator": "def times(function):\n    def wrapper():\n        return {number} + function()\n    return wrapper\n"
    "@times\ndef g():\n    return {next}\n",
    "decorator with an argument": "def times(factor):\n    def decorate(function):\n        def wrapper():\n"
    "            return factor + function()\n        return wrapper\n    return decorate\n"
    "@times({number})\ndef g():\n    return {next}\n",
    "decorated by a class": "class Doubled:\n    def __init__(self, function):\n        self.function = function\n"
    "    def __call__(self):\n        return 2 * self.function()\n@Doubled\ndef g():\n    return {number} + {next}\n",
    "cached": "import functools\n@functools.cache\ndef g():\n    return {number} + {next}\n",
    "context": "import contextlib\n@contextlib.contextmanager\ndef opened():\n    yield {number} + {next}\n"
    "def g():\n    with opened() as value:\n        return value\n",
    "partial": "import functools\ndef add(start):\n    return start + {next}\ng = functools.partial(add, {number})\n",
    "partial of a function": "import functools\ndef add(start):\n    return start + {number} + {next}\n"
    "g = functools.partial(add, 2)\n",
    "single dispatch": "import functools\n@functools.singledispatch\ndef of(value):\n    return 0\n@of.register\n"
    "def _(value: int):\n    return {number} + {next}\ndef g():\n    return of(1)\n",
    "method": "class Maker:\n    def made(self):\n        return {number} + {next}\ng = Maker().made\n",
    "static method": "class Maker:\n    @staticmethod\n    def made():\n        return {number} + {next}\n"
    "def g():\n    return Maker.made()\n",
    "class method": "class Maker:\n    @classmethod\n    def made(cls):\n        return {number} + {next}\n"
    "g = Maker.made\n",
    "property": "class Maker:\n    @property\n    def made(self):\n        return {number} + {next}\n"
    "def g():\n    return Maker().made\n",
    "cached property": "import functools\nclass Maker:\n    @functools.cached_property\n    def made(self):\n"
    "        return {number} + {next}\nMAKER = Maker()\nMAKER.made\ndef g():\n    return MAKER.made\n",
    "attribute of a class": "class Maker:\n    start = {number}\ndef g():\n    return Maker.start + {next}\n",
    "attribute of an object": "class Maker:\n    def __init__(self, start):\n        self.start = start\n"
    "MAKER = Maker({number})\ndef g():\n    return MAKER.start + {next}\n",
    "slot of an object": "class Maker:\n    __slots__ = ('start',)\n    def __init__(self, start):\n"
    "        self.start = start\nMAKER = Maker({number})\ndef g():\n    return MAKER.start + {next}\n",
    "base class": "class Base:\n    def made(self):\n        return {number} + {next}\nclass Maker(Base):\n    pass\n"
    "def g():\n    return Maker().made()\n",
    "metaclass": "class Meta(type):\n    def made(cls):\n        return {number} + {next}\n"
    "class Maker(metaclass=Meta):\n    pass\ndef g():\n    return Maker.made()\n",
    "data class": "from dataclasses import dataclass\n@dataclass(frozen=True)\nclass Maker:\n"
    "    start: int = {number}\n"
    "def g():\n    return Maker().start + {next}\n",
    "factory of a field": "from dataclasses import dataclass, field\n@dataclass\nclass Maker:\n"
    "    starts: list = field(default_factory=lambda: [{number}])\ndef g():\n    return Maker().starts[0] + {next}\n",
    "named tuple": "from typing import NamedTuple\nclass Maker(NamedTuple):\n    start: int = {number}\n"
    "def g():\n    return Maker().start + {next}\n",
    "enumeration": "from enum import Enum\nclass Start(Enum):\n    A = {number}\ndef g():\n"
    "    return Start.A.value + {next}\n",
    "abstract class": "from abc import ABC, abstractmethod\nclass Base(ABC):\n    @abstractmethod\n"
    "    def made(self): ...\nclass Maker(Base):\n    def made(self):\n        return {number} + {next}\n"
    "def g():\n    return Maker().made()\n",
    "pydantic model": "from pydantic import BaseModel\nclass Maker(BaseModel):\n    start: int = {number}\n"
    "def g():\n    return Maker().start + {next}\n",
    "comprehension": "def g():\n    return sum([{number} + {next} for _ in range(2)])\n",
    "function inside": "def g():\n    def inner():\n        return {number} + {next}\n    return inner()\n",
    "class inside": "def g():\n    class Maker:\n        start = {number}\n        def made(self):\n"
    "            return self.start + {next}\n    return Maker().made()\n",
    "recursion": "def g(deep=True):\n    return g(deep=False) if deep else {number} + {next}\n",
    "two that call each other": "def g():\n    return other(2)\ndef other(depth):\n"
    "    return {number} + {next} if depth == 0 else back(depth)\ndef back(depth):\n    return other(depth - 1)\n",
    "table of functions": "def one():\n    return {number} + {next}\nFUNCTIONS = {{'one': one}}\n"
    "def g():\n    return FUNCTIONS['one']()\n",
    "try": "def g():\n    try:\n        return {number} + {next}\n    except ValueError:\n        return 1\n",
    "pattern": "import re\nPATTERN = re.compile('a' * {number})\ndef g():\n    return len(PATTERN.pattern) + {next}\n",
    "array": "import numpy\nARRAY = numpy.array([1, {number}])\ndef g():\n    return int(ARRAY[1]) + {next}\n",
    "frame": "import pandas\nFRAME = pandas.DataFrame({{'a': [1, {number}], 'b': ['x', 'y']}})\n"
    "def g():\n    return int(FRAME.a[1]) + {next}\n",
    "constant set": "def g():\n    return ({number} in {{'a', 'b', {number}}}) * {number} + {next}\n",
    "logger and lock": "import logging, threading\nLOG, LOCK = logging.getLogger(__name__), threading.Lock()\n"
    "def g():\n    with LOCK:\n        LOG.debug('made')\n        return {number} + {next}\n",
}

# Where the modules of a chain lie, from the asset on.
PLACES = (f"{TOP}.near", f"{TOP}.deep.down", f"{TOP}.deep.er.down", f"{BESIDE}", f"{TOP}.other")


@dataclass(frozen=True)
class Link:
    """One module of a chain: how it makes its function, with which number, and how the one before imports it."""

    place: str
    make: str
    number: int
    imports: str
    is_late: bool


def project(links: Sequence[Link], *, comment: str = "") -> dict[str, str]:
    """The files of a chain of modules, of which the first is the asset; the function there is `asset`."""
    files = {f"{TOP}/__init__.py": "", f"{TOP}/deep/__init__.py": "", f"{TOP}/deep/er/__init__.py": ""}
    for link, following in zip(links, [*links[1:], None], strict=True):
        text = _module(link, following)
        if comment:
            text = "".join(f"# {comment}\n\n{line}  # {comment}\n" for line in text.splitlines())
        files[_file(link.place)] = text
    return files


def edited(links: Sequence[Link], position: int) -> list[Link]:
    """The chain with another number in one of its modules."""
    return [replace(link, number=link.number + (number == position)) for number, link in enumerate(links)]


def _file(place: str) -> str:
    return f"{place.replace('.', '/')}.py"


def _module(link: Link, following: Link | None) -> str:
    name = "asset = g\n" if link.place.endswith(".asset") else ""
    if following is None:
        return MAKES[link.make].format(number=link.number, next="0") + name
    statement, expression = _import(link, following)
    if following.is_late:
        late = f"def late():\n    {statement}\n    return {expression}()\n"
        return late + MAKES[link.make].format(number=link.number, next="late()") + name
    return f"{statement}\n" + MAKES[link.make].format(number=link.number, next=f"{expression}()") + name


def _import(link: Link, following: Link) -> tuple[str, str]:
    package, _, last = following.place.rpartition(".")
    shape = following.imports
    if not package or link.place == BESIDE:  # no package above it, or none in common
        shape = "absolute" if shape in {"relative", "module from its package"} else shape
    words: Mapping[str, str] = {
        "full": following.place,
        "package": package,
        "last": last,
        "dots": "." * link.place.count("."),
        "inner": following.place.partition(".")[2],
        "alias": f"next_{last}",
    }
    statement, expression = IMPORTS[shape]
    return statement.format(**words), expression.format(**words)
