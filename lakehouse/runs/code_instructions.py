"""What a code object does and names, as Python compiled it: comments, line numbers and file names are not in it."""

import dis
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import CodeType
from typing import Any

# Python 3.13 keeps these two in a class body: the first moves with every line above, the second has no order.
_OF_THE_SOURCE = frozenset({"__firstlineno__", "__static_attributes__"})
_ATTRIBUTE = frozenset({"LOAD_ATTR", "LOAD_METHOD"})
_GLOBAL = frozenset({"LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS"})
# What these give depends on a text that may be made while the code runs.
LOOKS_UP = frozenset({("eval",), ("exec",), ("globals",), ("__import__",), ("import_module",)})
_LOOKS_UP_BY_MODULE = frozenset({("importlib", "import_module"), ("importlib", "__import__"), ("sys", "modules")})


@dataclass(frozen=True)
class Import:
    """An `import` statement inside a code object.

    Args:
        module: As it is written, without leading dots.
        level: Number of leading dots.
        names: What follows `import` in a `from` statement; `*` for all, empty without `from`.
    """

    module: str
    level: int
    names: tuple[str, ...]


@dataclass(frozen=True)
class Instructions:
    """What a code object and those within it do and name.

    Args:
        digest: Of the instructions and constants.
        names: Each global name with the attributes that are read from it at once: `("helper", "g")` for `helper.g`.
        imports: The `import` statements.
    """

    digest: bytes
    names: tuple[tuple[str, ...], ...]
    imports: tuple[Import, ...]

    @property
    def looks_up(self) -> tuple[str, ...]:
        """The calls that find code by a text: what they find is not known before they run."""
        called = [name for name in self.names if name in LOOKS_UP or name[:2] in _LOOKS_UP_BY_MODULE]
        return tuple(dict.fromkeys(".".join(name[:2]) for name in called))


def hashed(*parts: bytes) -> bytes:
    """SHA-256 of several texts, each with its length, so that no two lists of texts give one digest by design."""
    total = hashlib.sha256()
    for part in parts:
        total.update(len(part).to_bytes(8, "big") + part)
    return total.digest()


def plain(value: Any) -> bytes | None:
    """A value that is no container, with its type; None if it is of another kind. 1, 1.0 and True differ."""
    if type(value) is str:
        return b"str:" + value.encode("utf-8", "surrogatepass")
    if type(value) is bytes:
        return b"bytes:" + value
    if value is None or value is Ellipsis or value is NotImplemented or type(value) in {bool, int, float, complex}:
        return f"{type(value).__name__}:{value!r}".encode()
    return None


def instructions_of(code: CodeType) -> Instructions:
    """Read a code object and those within it: its functions, lambdas, comprehensions and class bodies."""
    names: dict[tuple[str, ...], None] = {}
    imports: dict[Import, None] = {}
    return Instructions(_read(code, names, imports), tuple(names), tuple(imports))


def _read(code: CodeType, names: dict[tuple[str, ...], None], imports: dict[Import, None]) -> bytes:
    """The digest of a code object; what it names is added to `names` and `imports`."""
    listed = [instruction for instruction in dis.get_instructions(code) if instruction.opname != "EXTENDED_ARG"]
    names.update(dict.fromkeys(_names(listed)))
    imports.update(dict.fromkeys(_imports(listed)))
    parts = [code.co_name.encode(), repr(_shape(code)).encode(), code.co_exceptiontable]
    for instruction, following in zip(listed, [*listed[1:], None], strict=True):
        if following and following.opname == "STORE_NAME" and following.argval in _OF_THE_SOURCE:
            continue
        if instruction.opcode in dis.hasconst:
            parts += [instruction.opname.encode(), _constant(instruction.argval, names, imports)]
        else:
            parts.append(f"{instruction.opname} {instruction.arg}".encode())
    return hashed(*parts)


def _shape(code: CodeType) -> tuple[object, ...]:
    return (
        code.co_argcount,
        code.co_posonlyargcount,
        code.co_kwonlyargcount,
        code.co_flags,
        code.co_names,
        code.co_varnames,
        code.co_freevars,
        code.co_cellvars,
    )


def _constant(value: Any, names: dict[tuple[str, ...], None], imports: dict[Import, None]) -> bytes:
    if isinstance(value, CodeType):
        return _read(value, names, imports)
    if isinstance(value, frozenset):
        return hashed(b"frozenset", *sorted(_constant(member, names, imports) for member in value))
    if isinstance(value, tuple):
        return hashed(b"tuple", *(_constant(member, names, imports) for member in value))
    return hashed(plain(value) or repr(value).encode())


def _names(listed: Sequence[dis.Instruction]) -> Iterator[tuple[str, ...]]:
    """Each global name that is read, with the attributes that are read from it at once."""
    chain: tuple[str, ...] = ()
    for instruction in listed:
        if chain and instruction.opname in _ATTRIBUTE:
            chain = (*chain, instruction.argval)
            continue
        if chain:
            yield chain
        chain = (instruction.argval,) if instruction.opname in _GLOBAL else ()
    if chain:
        yield chain


def _imports(listed: Sequence[dis.Instruction]) -> Iterator[Import]:
    for position, instruction in enumerate(listed):
        if instruction.opname == "IMPORT_NAME":
            level, names = (before.argval for before in listed[position - 2 : position])
            yield Import(instruction.argval, level, names or ())
