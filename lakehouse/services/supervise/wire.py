"""The smallest real questions to a Spark Connect server and a Hive Metastore, each with a deadline.

pyspark's own client takes 2 s to import and retries for ten minutes when a server is away; these take milliseconds.
Field numbers are those of Spark's `spark/connect/*.proto`; the metastore's are Thrift's binary protocol.
"""

import re
import socket
import struct
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from lakehouse.errors import ServiceError
from lakehouse.services.supervise.channel import credentials, need_engine, parse_remote
from lakehouse.services.supervise.jvm_log import without_trace

_SERVICE = "/spark.connect.SparkConnectService"
# Two partitions and their sum, asked for as rows: the engine computes no query that comes as a command, nor `select 1`.
_JOB = "select count(*) from range(0, 2, 1, 2)"
_FIRST_WORDS_SECONDS = 5
_CALL, _REPLY = 0x80010001, 0x80010002


def ask_spark(url: str, *statements: str, timeout: float) -> None:
    """Run SQL statements in a session of their own, one after another. Queries are only read: see `spark_computes`.

    Raises:
        ServiceError: the server does not answer in time, refuses the token, or a statement fails.
    """
    with _session(url, timeout) as run:
        for statement in statements:
            run(_bytes(2, _bytes(5, _bytes(6, _sql(statement)))), timeout)


def spark_computes(url: str, *, within: float, timeout: float) -> bool:
    """Whether the engine runs a job: tasks on its cores, and blocks that it exchanges between them.

    Args:
        url: The engine's.
        within: Seconds after which its cores are taken to be busy with other work.
        timeout: Seconds for all else that it is asked.

    Returns:
        False if it had not computed by then, and said nothing: that is a busy engine, not a broken one.

    Raises:
        ServiceError: it says that it cannot.
    """
    import grpc

    with _session(url, timeout) as run:
        try:
            run(_bytes(1, _sql(_JOB)), within)
        except grpc.RpcError as error:
            if error.code() != grpc.StatusCode.DEADLINE_EXCEEDED:
                raise
            return False
    return True


@contextmanager
def _session(url: str, timeout: float) -> Iterator[Callable[[bytes, float], None]]:
    """Gives a function that runs a plan within so many seconds; the session ends with the block."""
    import grpc

    remote = parse_remote(url)
    need_engine(remote, min(timeout, _FIRST_WORDS_SECONDS))
    secret = credentials(remote)
    channel = grpc.secure_channel(remote.target, secret) if secret else grpc.insecure_channel(remote.target)
    session = _text(1, str(uuid.uuid4())) + _bytes(2, _text(1, "lakehouse"))
    try:
        with channel:
            execute = channel.unary_stream(f"{_SERVICE}/ExecutePlan")

            def run(plan: bytes, within: float) -> None:
                for _ in execute(session + _bytes(3, plan), timeout=within):
                    pass

            yield run
            channel.unary_unary(f"{_SERVICE}/ReleaseSession")(session, timeout=timeout)
    except grpc.RpcError as error:
        raise ServiceError(f"Spark Connect at {remote.target}: {error.code().name} {_in_one_line(error)}") from error


def ask_metastore(uri: str, *, timeout: float) -> list[str]:
    """The names of a metastore's databases.

    Raises:
        ServiceError: nothing answers there, or not as a metastore does.
    """
    parts = urlsplit(uri)
    try:
        with socket.create_connection((parts.hostname or "", parts.port or 9083), timeout=timeout) as connection:
            name = b"get_all_databases"
            connection.sendall(struct.pack(">Ii", _CALL, len(name)) + name + struct.pack(">iB", 0, 0))
            stream = connection.makefile("rb")
            head = stream.read(8)
            if not head:
                raise ConnectionResetError
            kind, size = struct.unpack(">Ii", head)
            if kind != _REPLY or stream.read(size) != name:
                raise ServiceError(
                    f"what answers at {uri} is not a Hive Metastore, or it refuses to list its databases."
                )
            stream.read(4 + 3)  # sequence number; field 0 of the result, a list
            _, count = struct.unpack(">Bi", stream.read(5))
            return [stream.read(struct.unpack(">i", stream.read(4))[0]).decode() for _ in range(count)]
    except ConnectionResetError as error:
        raise ServiceError(
            f"the metastore at {uri} closed the connection without an answer. That of a workspace serves the user "
            f"alone who started it."
        ) from error
    except (OSError, struct.error) as error:
        raise ServiceError(f"the metastore at {uri} does not answer: {error}") from error


def _in_one_line(error: Exception) -> str:
    details = getattr(error, "details", lambda: None)() or ""
    return re.sub(r"\s+", " ", " ".join(without_trace(details))).strip()[:300]


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def _bytes(field: int, value: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(value)) + value


def _sql(statement: str) -> bytes:
    """A relation that is a statement."""
    return _bytes(10, _text(1, statement))


def _text(field: int, value: str) -> bytes:
    return _bytes(field, value.encode())
