"""A Hive Metastore as its tests ask it: a server without an engine, and its calls in Thrift's binary protocol."""

import os
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from lakehouse.errors import ServiceError
from lakehouse.services import roster
from lakehouse.services.servers.metastore import spec
from lakehouse.services.supervise import ports, wire
from lakehouse.services.supervise.spec import Address
from lakehouse.storage import write_private_json
from lakehouse.workspace import Workspace
from tests.conftest import SHORT_LIVED

WITHIN_SECONDS = 60
_CALL, _FAILED = 0x80010001, 3
_BOOL, _INT, _TEXT, _STRUCT, _MAP, _LIST = 2, 8, 11, 12, 13, 15
_NUMBERS = {_BOOL: ">b", 3: ">b", 4: ">d", 6: ">h", _INT: ">i", 10: ">q"}


class Struct(dict[int, Any]):
    """Fields by their numbers; a plain dict is a map of texts."""


class RefusedError(Exception):
    """The metastore answered with an error of its own."""


@dataclass(frozen=True)
class Catalogue:
    """A metastore that runs."""

    workspace: Workspace
    port: int
    process: subprocess.Popen[bytes]

    @property
    def log(self) -> str:
        return (self.workspace.home / "log").read_text()

    def call(self, name: str, *arguments: Any) -> Any:
        """Ask as the owner.

        Raises:
            RefusedError: with what it says.
        """
        with socket.create_connection(("127.0.0.1", self.port), timeout=WITHIN_SECONDS) as connection:
            connection.sendall(message(name, *arguments))
            stream = connection.makefile("rb")
            (kind,) = struct.unpack(">I", stream.read(4))
            _read(stream, _TEXT)
            stream.read(4)
            answer = _read(stream, _STRUCT)
        if kind & 0xFF == _FAILED or set(answer) - {0}:
            raise RefusedError(str(answer))
        return answer.get(0)

    def databases(self) -> list[str]:
        return wire.ask_metastore(f"thrift://127.0.0.1:{self.port}", timeout=WITHIN_SECONDS)

    def make_database(self, name: str, folder: str | Path) -> None:
        self.call("create_database", Struct({1: name, 3: str(folder)}))

    def make_table(self, database: str, name: str, folder: str | Path, *, partitioned: bool = False) -> None:
        self.call("create_table", table(database, name, folder, partitioned=partitioned))

    def drop_table(self, database: str, name: str) -> None:
        """With its data."""
        self.call("drop_table", database, name, True)

    def tables(self, database: str) -> list[str]:
        listed: list[str] = self.call("get_all_tables", database)
        return listed


def table(database: str, name: str, folder: str | Path, *, partitioned: bool = False) -> Struct:
    """A managed table of one column."""
    keys = [Struct({1: "day", 2: "string"})] if partitioned else []
    return Struct({1: name, 2: database, 3: "owner", 7: storage(folder), 8: keys, 9: {}, 12: "MANAGED_TABLE"})


def storage(folder: str | Path) -> Struct:
    """Where and how a table or partition is stored."""
    form = "org.apache.hadoop.mapred.SequenceFileInputFormat"
    serde = Struct({1: "serde", 2: "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe", 3: {}})
    return Struct({1: [Struct({1: "n", 2: "int"})], 2: str(folder), 3: form, 4: form, 5: False, 6: -1, 7: serde})


def message(name: str, *arguments: Any) -> bytes:
    """The bytes of a call, whose arguments have the numbers from 1."""
    head = struct.pack(">Ii", _CALL, len(name)) + name.encode() + struct.pack(">i", 0)
    return head + _written(Struct(enumerate(arguments, 1)))


def _written(value: Any) -> bytes:
    match value:
        case bool():
            return struct.pack(">b", value)
        case int():
            return struct.pack(">i", value)
        case str():
            return struct.pack(">i", len(value.encode())) + value.encode()
        case Struct():
            return b"".join(struct.pack(">bh", _kind(v), n) + _written(v) for n, v in value.items()) + b"\0"
        case dict():
            pairs = b"".join(_written(part) for pair in value.items() for part in pair)
            return struct.pack(">bbi", _TEXT, _TEXT, len(value)) + pairs
        case _:
            kind = _kind(value[0]) if value else _STRUCT
            return struct.pack(">bi", kind, len(value)) + b"".join(_written(part) for part in value)


def _kind(value: Any) -> int:
    kinds = {bool: _BOOL, int: _INT, str: _TEXT, Struct: _STRUCT, dict: _MAP, list: _LIST}
    return kinds[type(value)]


def _read(stream: BinaryIO, kind: int) -> Any:
    if kind in _NUMBERS:
        form = _NUMBERS[kind]
        return struct.unpack(form, stream.read(struct.calcsize(form)))[0]
    if kind == _TEXT:
        return stream.read(_read(stream, _INT)).decode()
    if kind == _STRUCT:
        fields = {}
        while field := stream.read(1)[0]:
            number = struct.unpack(">h", stream.read(2))[0]
            fields[number] = _read(stream, field)
        return fields
    if kind == _MAP:
        key, part = stream.read(2)
        return {_read(stream, key): _read(stream, part) for _ in range(_read(stream, _INT))}
    part = stream.read(1)[0]
    return [_read(stream, part) for _ in range(_read(stream, _INT))]


@contextmanager
def own_catalogue(workspace: Workspace) -> Iterator[Catalogue]:
    """The metastore of a workspace, without its engine and its supervisor."""
    address = Address(ports.choose(set()))
    started = spec(workspace, roster.runtime(workspace.settings, "metastore"), address)
    started.write_files()
    file = workspace.home / "metastore.json"
    write_private_json(file, started.launch())
    command = [sys.executable, "-m", "lakehouse.services.supervise.launch", str(file)]
    with (workspace.home / "log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=os.environ | SHORT_LIVED)
    catalogue = Catalogue(workspace, address.port, process)
    try:
        _await(catalogue)
        yield catalogue
    finally:
        process.kill()
        process.wait()


def _await(catalogue: Catalogue) -> None:
    deadline = time.monotonic() + WITHIN_SECONDS
    while True:
        try:
            catalogue.databases()
        except ServiceError:
            assert catalogue.process.poll() is None, catalogue.log
            assert time.monotonic() < deadline, catalogue.log
            time.sleep(0.05)
        else:
            return
