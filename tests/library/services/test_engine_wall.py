"""The engine's ports ask who calls, and its clients look who listens before they send the token."""

import os
import socket
import struct
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import grpc
import psutil
import pytest
from pyspark.sql import SparkSession

from lakehouse.engine.session import connect
from lakehouse.errors import ServiceError
from lakehouse.services.status import status
from lakehouse.services.supervise import peers, wire
from lakehouse.services.supervise.channel import credentials, parse_remote
from lakehouse.services.supervise.guard import guard
from lakehouse.settings import SparkSettings, load
from lakehouse.workspace import Workspace
from tests.library.services.listener import listener_of_another
from tests.rights import NOBODY, as_nobody, needs_root

TOKEN = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
# Sends what is asked for as Spark's frame of an RPC, and says what came back.
CALLER = r"""
body = bytes.fromhex(sys.argv[2])
with socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=20) as connection:
    connection.sendall(struct.pack(">qbqi", 21 + len(body), 3, 1, len(body)) + body)
    print(connection.recv(65536).hex())
"""
# Knows nothing of this library.
PLAIN = """
import sys
from pyspark.sql import SparkSession

session = SparkSession.builder.remote(sys.stdin.read()).getOrCreate()
print(session.range(43).agg({"id": "max"}).first()[0])
session.stop()
"""


def guest(tmp_path: Path, port: int) -> Workspace:
    remote = f"sc://127.0.0.1:{port}/;token={TOKEN}"
    return Workspace(load().model_copy(update={"home": tmp_path, "spark": SparkSettings(remote=remote)}))


def test_the_system_tells_whose_a_listener_is() -> None:
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("", 0)) as two:
        assert peers.holders(one.getsockname()[1]) == peers.holders(two.getsockname()[1]) == {os.geteuid()}
        free = one.getsockname()[1]
        assert peers.listener(free) == peers.listener(two.getsockname()[1]) == os.geteuid()
    assert (peers.holders(free), peers.listener(free)) == (set(), None)
    assert peers.can_tell()


@needs_root
def test_a_listener_of_another_user_is_sent_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    guard()
    with listener_of_another() as (port, end):
        remote = guest(tmp_path, port)
        monkeypatch.setenv("SPARK_CONNECT_AUTHENTICATE_TOKEN", TOKEN)
        for speak in (
            lambda: wire.ask_spark(remote.spark_remote, "select 1", timeout=10),
            lambda: connect(remote),
            lambda: SparkSession.builder.remote(f"sc://localhost:{port}").create(),
        ):
            with pytest.raises(ServiceError, match=rf"127\.0\.0\.1:{port} .* \(uid {NOBODY}\)"):
                speak()
        assert end() == b""


@needs_root
def test_one_that_took_the_port_after_the_look_is_sent_no_token() -> None:
    with listener_of_another() as (port, end):
        remote = parse_remote(f"sc://127.0.0.1:{port}/;token={TOKEN}")
        way = grpc.secure_channel(remote.target, credentials(remote))
        with way as channel, pytest.raises(grpc.RpcError, match=f"uid {NOBODY}"):
            channel.unary_unary("/spark.connect.SparkConnectService/Config")(b"", timeout=10)

        sent = end()
        assert sent.startswith(b"PRI * HTTP/2.0")  # the connection was there when the token was refused
        assert TOKEN.encode() not in sent
        assert b"Bearer" not in sent


@needs_root
def test_the_token_goes_to_the_user_that_the_address_names() -> None:
    with listener_of_another() as (port, end):
        remote = parse_remote(f"sc://127.0.0.1:{port}/;token={TOKEN};owner={NOBODY}")
        with grpc.secure_channel(remote.target, credentials(remote)) as channel, pytest.raises(grpc.RpcError):
            channel.unary_unary("/spark.connect.SparkConnectService/Config")(b"", timeout=3)

        assert f"Bearer {TOKEN}".encode() in end()


def test_localhost_is_the_ipv4_address() -> None:
    assert parse_remote(f"sc://localhost:15002/;token={TOKEN}").target == "127.0.0.1:15002"


def test_a_token_is_read_as_the_client_reads_it() -> None:
    assert parse_remote("sc://localhost:15002/;token=a%2Bb").parameters == {"token": "a+b"}


@needs_root
def test_another_user_at_the_ipv6_half_of_localhost_is_not_spoken_to(workspace: Workspace) -> None:
    with listener_of_another("::1", workspace.services()["spark"]["port"]) as (_, end):
        wire.ask_spark(workspace.spark_remote, "select 1", timeout=30)
        session = connect(workspace)
        assert session.sql("select 42").first() == (42,)
        session.stop()

        assert end() == b""


def test_a_plain_session_of_pyspark_takes_the_address_that_is_shown(workspace: Workspace) -> None:
    [shown] = [entry.address for entry in status(workspace) if entry.name == "spark"]
    url = f"{shown}/;token={workspace.services()['spark']['token']}"

    said = subprocess.run([sys.executable, "-c", PLAIN], input=url, capture_output=True, text=True, check=True).stdout

    assert (said, url) == ("42\n", workspace.spark_remote)


@pytest.mark.parametrize("answer", [b"HTTP/1.1 400 Bad Request\r\n\r\n", bytes(range(64)), b"", None])
def test_what_speaks_otherwise_is_named_as_no_engine(tmp_path: Path, answer: bytes | None) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        kept = []

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                kept.append(connection)
                if answer is not None:
                    with suppress(OSError):  # who has read enough is gone
                        connection.sendall(answer)
                        connection.shutdown(socket.SHUT_WR)

        threading.Thread(target=serve, daemon=True).start()
        port = server.getsockname()[1]
        with pytest.raises(ServiceError, match=rf"127\.0\.0\.1:{port} is not an engine that works"):
            wire.ask_spark(guest(tmp_path, port).spark_remote, "select 1", timeout=1)
        if answer is not None:  # a silent one is given longer
            with pytest.raises(ServiceError, match="is not an engine that works"):
                connect(guest(tmp_path, port))
        server.shutdown(socket.SHUT_RDWR)


@needs_root
def test_the_engines_other_ports_ask_for_the_secret(workspace: Workspace) -> None:
    engine = workspace.services()["spark"]
    connections = psutil.Process(engine["pid"]).net_connections("tcp")
    others = {c.laddr.port for c in connections if c.status == psutil.CONN_LISTEN} - {engine["port"]}

    assert len(others) >= 2  # the driver's and the block manager's
    for port in others:
        answer = bytes.fromhex(
            as_nobody(
                CALLER, port, b"\xac\xed\x00\x05sr\x00\x01A".hex(), imports="import encodings.idna, socket, struct"
            )
        )
        _, kind, request = struct.unpack(">qbq", answer[:17])
        assert (kind, request) == (5, 1)  # a failure, of that call
        assert b"Expected SaslMessage" in answer
    wire.ask_spark(workspace.spark_remote, "select 1", timeout=30)
