"""Trino answers who shows a token of the workspace, as that user and no other; a client shows it to Trino alone."""

import base64
import hashlib
import os
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
import psutil
import pytest
import requests

from lakehouse.errors import LakehouseError, ServiceError, SettingsError
from lakehouse.services.java import ivy, java
from lakehouse.services.java.scala import jar_of
from lakehouse.services.status import status
from lakehouse.settings import TrinoSettings
from lakehouse.sql.ask_trino import ask
from lakehouse.sql.trino_access import http_session, jdbc_url, token
from lakehouse.sql.trino_keys import AUDIENCE, keys_of, make_keys
from lakehouse.workspace import Workspace
from tests.rights import as_nobody, needs_root, wider_than

JDBC = Path(__file__).parent / "jdbc"
# Each root of Trino's resources that tells or changes something; `/v1/info` and `/v1/status` are those of its health.
GUARDED = (
    *("/v1/query", "/v1/query/20260101_000000_00000_aaaaa", "/v1/queryState", "/v1/statement/queued/x/y/1", "/metrics"),
    *("/v1/jmx/mbean", "/v1/node", "/v1/node/failed", "/v1/thread", "/v1/service", "/v1/resourceGroupState/global"),
    *(
        "/v1/task",
        "/v1/task/x",
        "/v1/memory",
        "/v1/maxActiveSplits",
        "/ui/api/query",
        "/ui/api/stats",
        "/ui/api/cluster",
    ),
)
INTERNAL = ("/v1/task", "/v1/memory")


@pytest.fixture(scope="module")
def table(spark: Any, fresh: Any, sql_layer: str) -> str:
    name: str = fresh("gold")
    spark.sql(f"create table {name} (id bigint, name string) using delta")
    spark.sql(f"insert into {name} values (1, 'a'), (2, 'b')")
    return name


@pytest.fixture
def anybody(workspace: Workspace, sql_layer: str) -> Iterator[requests.Session]:
    """Someone who reaches the port, and knows its certificate."""
    with requests.Session() as session:
        session.trust_env, session.verify = False, str(keys_of(workspace).trust)
        yield session


@pytest.fixture
def other(workspace: Workspace, tmp_path: Path) -> Workspace:
    """Another workspace, in which nothing was started."""
    return Workspace(workspace.settings.model_copy(update={"home": tmp_path}))


def as_user(workspace: Workspace, sql_layer: str, user: str, shown: str | None = None) -> Workspace:
    """A workspace that names this Trino by its address, as its user names it."""
    named = TrinoSettings(
        url=sql_layer,
        user=user,
        trust=keys_of(workspace).trust,
        token=shown or token(workspace, user, timedelta(minutes=1)),
    )
    return Workspace(workspace.settings.model_copy(update={"trino": named}))


def signed(workspace: Workspace, **claims: Any) -> str:
    key = base64.b64decode(keys_of(workspace).tokens.read_text())
    given = {"sub": "lakehouse", "aud": AUDIENCE, "exp": datetime.now(UTC) + timedelta(minutes=1)} | claims
    return jwt.encode(given, key, "HS256")


@pytest.mark.parametrize("path", GUARDED)
def test_nothing_is_told_without_a_token(anybody: requests.Session, sql_layer: str, path: str):
    for method in ("GET", "POST", "PUT", "DELETE"):
        for headers in ({}, {"X-Trino-User": "lakehouse"}, {"Authorization": "Basic bGFrZWhvdXNlOg=="}):
            answer = anybody.request(method, sql_layer + path, headers=headers, timeout=10)
            assert answer.status_code in {401, 403, 404, 405}, (method, headers)


def test_no_statement_runs_without_a_token(anybody: requests.Session, sql_layer: str):
    answer = anybody.post(
        f"{sql_layer}/v1/statement", data=b"select 1", headers={"X-Trino-User": "lakehouse"}, timeout=10
    )

    assert (answer.status_code, "id" in answer.text) == (401, False)


def test_it_speaks_no_plain_http_and_to_this_machine_alone(workspace: Workspace, sql_layer: str):
    port = workspace.services()["trino"]["port"]

    with pytest.raises(requests.ConnectionError):
        requests.get(f"http://127.0.0.1:{port}/v1/info", timeout=10)
    process = psutil.Process(workspace.services()["trino"]["pid"])
    listening = {c.laddr.ip for c in process.net_connections() if c.status == psutil.CONN_LISTEN}
    assert listening <= {"127.0.0.1", "::ffff:127.0.0.1"}
    assert len(listening) == 1


@pytest.mark.parametrize(
    "forge",
    [
        pytest.param(lambda w: signed(w, exp=datetime.now(UTC) - timedelta(seconds=1)), id="that has ended"),
        pytest.param(lambda w: signed(w, aud="another"), id="for another"),
        pytest.param(
            lambda _: jwt.encode({"sub": "lakehouse", "aud": AUDIENCE}, b"k" * 32, "HS256"), id="of another key"
        ),
        pytest.param(
            lambda _: jwt.encode({"sub": "lakehouse", "aud": AUDIENCE}, None, "none"), id="that nobody signed"
        ),
    ],
)
def test_no_token_is_taken(workspace: Workspace, sql_layer: str, forge: Any):
    assert ask(as_user(workspace, sql_layer, "lakehouse", signed(workspace)), "select 1").rows == ((1,),)

    with pytest.raises(ServiceError, match="401"):
        ask(as_user(workspace, sql_layer, "lakehouse", forge(workspace)), "select 1")


@pytest.mark.parametrize("path", INTERNAL)
def test_a_token_of_a_node_is_no_public_word(
    workspace: Workspace, anybody: requests.Session, sql_layer: str, path: str
):
    def answered(secret: bytes) -> int:
        key = hashlib.sha256(secret).digest()
        claims = {"sub": "lakehouse", "exp": datetime.now(UTC) + timedelta(minutes=1)}
        shown = {"X-Trino-Internal-Bearer": jwt.encode(claims, key, "HS256")}
        return anybody.get(sql_layer + path, headers=shown, timeout=10).status_code

    assert answered(keys_of(workspace).internal.read_bytes()) not in {401, 403}
    assert answered(b"lakehouse") in {401, 403}


def test_a_user_is_seen_as_nobody_else_and_sees_nobody_elses_queries(workspace: Workspace, sql_layer: str, table: str):
    ask(workspace, f"select id as of_the_owner from {table}")
    guest = as_user(workspace, sql_layer, "guest")

    assert ask(guest, f"select current_user, n from (select count(*) as n from {table})").rows == (("guest", 2),)
    with pytest.raises(LakehouseError, match="guest cannot impersonate user lakehouse"):
        ask(as_user(workspace, sql_layer, "lakehouse", token(workspace, "guest", timedelta(minutes=1))), "select 1")
    owners, guests = (
        http_session(place).get(f"{sql_layer}/v1/query", timeout=10).json() for place in (workspace, guest)
    )
    assert {query["session"]["user"] for query in guests} == {"guest"}
    theirs = [query["queryId"] for query in owners if query["session"]["user"] == "lakehouse"]
    assert theirs
    for method in ("GET", "DELETE"):
        refused = http_session(guest).request(method, f"{sql_layer}/v1/query/{theirs[0]}", timeout=10)
        assert (refused.status_code, "of_the_owner" in refused.text) == (403, False)


@pytest.mark.parametrize(
    "statement",
    [
        *(
            "select * from system.runtime.queries",
            "select * from system.runtime.nodes",
            "select * from system.runtime.tasks",
        ),
        *("select * from system.metadata.catalogs", "select * from system.metadata.table_properties"),
        "call system.runtime.kill_query('20260101_000000_00000_aaaaa', 'no')",
        *("create catalog x using memory", "create table delta.gold.x (id int)"),
    ],
)
def test_the_server_is_closed_to_its_users(workspace: Workspace, sql_layer: str, statement: str):
    with pytest.raises(LakehouseError, match="Access Denied"):
        ask(workspace, statement)


def test_what_a_reader_asks_for_is_open(workspace: Workspace, table: str):
    layer, entity = table.split(".")

    assert ask(workspace, f'select max(version) from {layer}."{entity}$history"').rows == ((1,),)
    columns = (
        f"select column_name from information_schema.columns where table_schema = '{layer}' and table_name = '{entity}'"
    )
    assert ask(workspace, columns).rows == (("id",), ("name",))


def test_its_secrets_are_in_no_argument_and_no_file_of_others(workspace: Workspace, sql_layer: str):
    keys = keys_of(workspace)
    secrets = [keys.tokens.read_text(), keys.internal.read_text(), keys.server.read_text().splitlines()[1]]

    arguments = " ".join(psutil.Process(workspace.services()["trino"]["pid"]).cmdline())
    written = "".join(file.read_text(errors="ignore") for file in (workspace.home / "trino" / "etc").rglob("*.*"))
    logged = (workspace.logs / "trino.log").read_text()
    assert [secret for secret in secrets if secret in arguments + written + logged] == []
    assert wider_than(0o700, keys.folder) == {}


@contextmanager
def another_listener(workspace: Workspace) -> Iterator[tuple[str, list[bytes]]]:
    """A server with a certificate of its own for the same address, and what it was sent."""
    keys, sent = make_keys(workspace), []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(keys.server)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            try:
                with context.wrap_socket(connection, server_side=True) as guarded:
                    sent.append(guarded.recv(65536))
                    guarded.sendall(b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n")
            except OSError:
                sent.append(b"")

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"https://127.0.0.1:{server.getsockname()[1]}", sent
        thread.join()


def test_no_token_goes_to_another_process_at_its_port(workspace: Workspace, sql_layer: str, other: Workspace):
    refused = pytest.raises(requests.exceptions.SSLError, match="CERTIFICATE_VERIFY_FAILED")
    with another_listener(other) as (address, sent), refused:
        http_session(workspace).get(address, timeout=10)
    with another_listener(other) as (address, sent_to_whom_is_trusted):
        http_session(other).get(address, timeout=10)

    assert (sent, b"Bearer" in sent_to_whom_is_trusted[0]) == ([b""], True)


def test_neither_a_proxy_nor_certificates_of_the_environment_come_between(
    workspace: Workspace, sql_layer: str, monkeypatch: pytest.MonkeyPatch, other: Workspace
):
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.setenv(name, str(make_keys(other).trust))
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")

    assert ask(workspace, "select 1").rows == ((1,),)


def test_a_token_is_not_sent_where_it_could_be_read_on_its_way(workspace: Workspace, sql_layer: str):
    named = as_user(workspace, sql_layer.replace("https", "http"), "lakehouse")

    with pytest.raises(SettingsError, match="LAKEHOUSE_TRINO__TOKEN would be readable"):
        ask(named, "select 1")
    with pytest.raises(ServiceError, match="names a Trino of somebody else, who gives its tokens"):
        token(named, "lakehouse", timedelta(minutes=1))


def test_a_key_that_is_gone_is_told_without_a_trace(workspace: Workspace, sql_layer: str, other: Workspace):
    other.write_services(workspace.services())

    with pytest.raises(ServiceError, match=r"Trino at https://127.0.0.1:[0-9]+ does not answer"):
        ask(other, "select 1")
    with pytest.raises(ServiceError, match=r"no Trino was up in .* yet. Run `lakehouse up sql`"):
        token(other, "lakehouse", timedelta(minutes=1))


@needs_root
def test_another_user_cannot_read_the_keys(workspace: Workspace, sql_layer: str):
    code = """
for path in sys.argv[1:]:
    try:
        open(path).read()
        print("read")
    except PermissionError:
        print("refused")
"""
    keys = keys_of(workspace)

    assert as_nobody(code, keys.server, keys.tokens, keys.internal).split() == ["refused"] * 3


def test_keys_stay_and_a_certificate_that_ends_soon_is_made_anew(other: Workspace, monkeypatch: pytest.MonkeyPatch):
    first = {file.name: file.read_bytes() for file in make_keys(other).folder.glob("*.*")}
    again = {file.name: file.read_bytes() for file in make_keys(other).folder.glob("*.*")}
    monkeypatch.setattr("lakehouse.sql.trino_keys._RENEWED_BEFORE", timedelta(days=826))
    anew = {file.name: file.read_bytes() for file in make_keys(other).folder.glob("*.*")}

    assert first == again
    assert {name for name in first if first[name] != anew[name]} == {"server.pem", "trust.pem"}


@pytest.mark.slow
def test_a_plain_java_client_reads_by_the_url_of_status(workspace: Workspace, table: str, tmp_path: Path):
    shown = next(service.jdbc for service in status(workspace) if service.name == "trino")
    assert shown == jdbc_url(workspace, workspace.services()["trino"]["port"])
    ivy.bring(workspace.settings, use="jdbc", module=JDBC / "ivy.xml", into=tmp_path, tell=lambda _: None)
    driver = next(tmp_path.rglob("trino-jdbc-*.jar"))
    jvm = java.find(workspace.settings)
    client = jar_of(workspace.settings, jvm, JDBC / "Client.scala")
    path = os.pathsep.join(map(str, (client, driver, ivy.pyspark_home() / "jars" / "*")))
    given = os.environ | {"TOKEN": token(workspace, "bi", timedelta(minutes=5))}

    done = subprocess.run(
        [jvm.program, "-cp", path, "Client", shown, table], env=given, capture_output=True, text=True, check=False
    )

    layer, entity = table.split(".")
    assert done.returncode == 0, done.stderr
    said = done.stdout.splitlines()
    assert {"catalog=delta", f"schema={layer}", f"table={entity}", "column=id", "column=name"} <= set(said)
    assert said[-2:] == ["user=bi", "count=2"]
