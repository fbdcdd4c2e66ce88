"""The walls around the metastore: it serves its owner alone, and deletes and moves below its warehouse alone."""

import os
import re
import secrets
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lakehouse.services.doctor import examine
from lakehouse.services.supervise import peers
from lakehouse.settings import MetastoreSettings, load
from lakehouse.workspace import Workspace
from tests.library.services.catalogue import (
    WITHIN_SECONDS,
    Catalogue,
    RefusedError,
    Struct,
    message,
    own_catalogue,
    storage,
    table,
)
from tests.rights import NOBODY, needs_root

# A user who sends one call over each of some connections, and says what came back first.
CALLER = """
import os, socket, sys
uid, port, number, call = int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), bytes.fromhex(sys.argv[4])
if uid:
    os.setgroups([]); os.setgid(uid); os.setuid(uid)
family, host = (socket.AF_INET6, "::ffff:127.0.0.1") if sys.argv[5] == "6" else (socket.AF_INET, "127.0.0.1")
connections = [socket.socket(family) for _ in range(number)]
for connection in connections:
    connection.settimeout(60)
    try:
        connection.connect((host, port))
        connection.sendall(call)
        print("answered" if connection.recv(1) else "closed")
    except (ConnectionResetError, BrokenPipeError):
        print("closed")
"""
# A user who asks by the library.
ASKER = """
import encodings.idna, os, sys
from lakehouse.errors import ServiceError
from lakehouse.services.supervise.wire import ask_metastore
os.setgroups([]); os.setgid(int(sys.argv[1])); os.setuid(int(sys.argv[1]))
try:
    ask_metastore("thrift://127.0.0.1:" + sys.argv[2], timeout=60)
except ServiceError as error:
    print(error)
"""
# A user who sends a call and is gone before anyone looks.
GONE = """
import os, socket, sys
os.setgroups([]); os.setgid(int(sys.argv[1])); os.setuid(int(sys.argv[1]))
connection = socket.socket()
connection.connect(("127.0.0.1", int(sys.argv[2])))
connection.sendall(bytes.fromhex(sys.argv[3]))
connection.close()
"""
if_linux = pytest.mark.skipif(not peers.can_tell(), reason="this system does not say whose a connection is")


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalogue]:
    """A metastore of this file's own."""
    home = tmp_path_factory.mktemp("walls") / "home"
    (home / "warehouse").mkdir(parents=True)
    with own_catalogue(Workspace(load().model_copy(update={"home": home, "warehouse": None}))) as started:
        started.make_database("inside", home / "warehouse" / "inside")
        yield started


@pytest.fixture
def warehouse(catalogue: Catalogue) -> Path:
    return Path(catalogue.workspace.warehouse)


@pytest.fixture
def private(tmp_path: Path) -> Path:
    """A folder that is nothing to the warehouse."""
    return filled(tmp_path / "private")


@pytest.fixture
def name() -> str:
    return f"t_{secrets.token_hex(4)}"


def filled(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "letter").write_text("mine")
    return folder


def is_whole(folder: Path) -> bool:
    return (folder / "letter").read_text() == "mine"


def calls(catalogue: Catalogue, uid: int, number: int = 1, call: bytes = b"", family: str = "4") -> list[str]:
    call = call or message("get_all_databases")
    arguments = [str(uid), str(catalogue.port), str(number), call.hex(), family]
    done = subprocess.run([sys.executable, "-c", CALLER, *arguments], capture_output=True, text=True, check=True)
    return done.stdout.split()


# --- whom it serves ---


@needs_root
@if_linux
@pytest.mark.parametrize("family", ["4", "6"])
def test_the_owner_is_answered_and_another_users_connection_is_closed(catalogue, family):
    assert calls(catalogue, os.getuid(), family=family) == ["answered"]
    assert calls(catalogue, NOBODY, family=family) == ["closed"]


@needs_root
@if_linux
def test_another_user_changes_nothing_even_if_he_is_gone_before_anyone_looks(catalogue, name, warehouse):
    """Many kernels show a socket that nobody has any more as root's, and these tests are root's."""
    call = message("create_database", Struct({1: name, 3: str(warehouse / name)}))
    os.kill(catalogue.process.pid, signal.SIGSTOP)
    try:
        os.waitpid(catalogue.process.pid, os.WUNTRACED)  # all of its threads have stopped
        subprocess.run([sys.executable, "-c", GONE, str(NOBODY), str(catalogue.port), call.hex()], check=True)
    finally:
        os.kill(catalogue.process.pid, signal.SIGCONT)

    assert calls(catalogue, NOBODY, call=call) == ["closed"]
    assert name not in catalogue.databases()
    assert not (warehouse / name).exists()


@needs_root
@if_linux
def test_many_refused_connections_hold_up_nobody_and_are_logged_once(catalogue):
    assert calls(catalogue, NOBODY, 500) == ["closed"] * 500

    assert "inside" in catalogue.databases()
    assert len(re.findall(rf"uid {NOBODY} are refused", catalogue.log)) == 1


@needs_root
@if_linux
def test_the_library_tells_another_user_why_it_has_no_answer(catalogue):
    said = subprocess.run(
        [sys.executable, "-c", ASKER, str(NOBODY), str(catalogue.port)], capture_output=True, text=True, check=True
    )

    assert "closed the connection without an answer. That of a workspace serves the user alone who" in said.stdout


@pytest.mark.parametrize(
    ("is_told", "uri", "said"),
    [
        (True, None, "the metastore serves its owner alone; the engine's token is sent to its owner's listener alone"),
        (False, None, "serves every user of this machine"),
        (False, None, "the engine's token is sent to whoever listens"),
        (False, "thrift://elsewhere:9083", "the metastore is somebody else's"),
    ],
)
def test_doctor_says_what_other_users_get(tmp_path, monkeypatch, is_told, uri, said):
    monkeypatch.setattr(peers, "_TABLES", peers._TABLES if is_told else ())
    peers.can_tell.cache_clear()
    settings = load().model_copy(update={"home": tmp_path, "metastore": MetastoreSettings(uri=uri)})

    try:
        (finding,) = (entry for entry in examine(Workspace(settings)) if entry.name == "other users")
    finally:
        peers.can_tell.cache_clear()

    assert said in finding.found


def test_connections_that_say_nothing_hold_up_nobody(catalogue):
    silent = [socket.create_connection(("127.0.0.1", catalogue.port), WITHIN_SECONDS) for _ in range(50)]

    assert "inside" in catalogue.databases()

    for connection in silent:
        connection.close()


# --- what it deletes ---


def test_the_folder_of_a_table_inside_is_deleted_with_it(catalogue, warehouse, name):
    folder = filled(warehouse / "inside" / name)
    catalogue.make_table("inside", name, folder)

    catalogue.drop_table("inside", name)

    assert not folder.exists()
    assert name not in catalogue.tables("inside")


@pytest.mark.parametrize("way", ["{private}", "{warehouse}/inside/../../../{up}", "{link}", "{link}/deeper", "{root}"])
def test_a_folder_elsewhere_stays_when_the_table_that_was_made_over_it_is_dropped(
    catalogue, warehouse, private, name, way
):
    filled(private / "deeper")
    link = warehouse / "inside" / f"link_{name}"
    link.symlink_to(private)
    up = os.path.relpath(private, warehouse.parents[0])
    folder = way.format(private=private, warehouse=warehouse, link=link, root=warehouse, up=up)
    catalogue.make_table("inside", name, folder)

    catalogue.drop_table("inside", name)

    assert name not in catalogue.tables("inside")
    assert (is_whole(private), is_whole(private / "deeper"), warehouse.is_dir()) == (True, True, True)
    assert f"{os.path.normpath(folder)} is not below the warehouse" in catalogue.log


def test_what_a_link_in_a_dropped_folder_leads_to_stays(catalogue, warehouse, private, name):
    folder = filled(warehouse / "inside" / name)
    (folder / "link").symlink_to(private)
    catalogue.make_table("inside", name, folder)

    catalogue.drop_table("inside", name)

    assert (folder.exists(), is_whole(private)) == (False, True)


@pytest.mark.parametrize("is_inside", [True, False])
def test_the_folder_of_a_partition_is_deleted_only_inside(catalogue, warehouse, private, name, is_inside):
    catalogue.make_table("inside", name, warehouse / "inside" / name, partitioned=True)
    folder = filled(warehouse / "inside" / name / "day=1") if is_inside else private
    catalogue.call("add_partition", Struct({1: ["1"], 2: "inside", 3: name, 6: storage(folder), 7: {}}))

    assert catalogue.call("drop_partition", "inside", name, ["1"], True) == 1

    assert catalogue.call("get_partition_names", "inside", name, -1) == []
    assert folder.exists() is not is_inside


@pytest.mark.parametrize("is_inside", [True, False])
def test_the_folders_of_a_database_are_deleted_only_inside(catalogue, warehouse, private, name, is_inside):
    folder = filled(warehouse / name) if is_inside else private
    catalogue.make_database(name, folder)
    catalogue.make_table(name, "one", filled(folder / "one"))

    catalogue.call("drop_database", name, True, True)

    assert name not in catalogue.databases()
    assert folder.exists() is not is_inside
    assert (folder / "one").exists() is not is_inside


# --- what it moves ---


def test_a_table_that_is_renamed_moves_inside(catalogue, warehouse, name):
    catalogue.make_table("inside", name, filled(warehouse / "inside" / name))

    catalogue.call("alter_table", "inside", name, table("inside", f"{name}_new", warehouse / "inside" / name))

    assert is_whole(warehouse / "inside" / f"{name}_new")


@pytest.mark.parametrize("inwards", [True, False])
def test_no_rename_moves_a_folder_into_the_warehouse_or_out_of_it(catalogue, warehouse, private, name, inwards):
    """In the warehouse it could be deleted by a second call."""
    catalogue.make_database(name, private)
    home, folder, aim = (name, private, "inside") if inwards else ("inside", warehouse / "inside", name)
    catalogue.make_table(home, f"{name}_own", filled(folder / f"{name}_own"))

    with pytest.raises(RefusedError, match="not below the warehouse: it is left as it is"):
        catalogue.call("alter_table", home, f"{name}_own", table(aim, f"{name}_new", folder / f"{name}_own"))

    assert is_whole(folder / f"{name}_own")
    assert catalogue.tables(home).count(f"{name}_own") == 1


def test_no_exchange_of_partitions_moves_a_folder_into_the_warehouse(catalogue, warehouse, private, name):
    catalogue.make_table("inside", f"{name}_a", private, partitioned=True)
    catalogue.make_table("inside", f"{name}_b", warehouse / "inside" / f"{name}_b", partitioned=True)
    folder = filled(private / "day=1")
    catalogue.call("add_partition", Struct({1: ["1"], 2: "inside", 3: f"{name}_a", 6: storage(folder), 7: {}}))

    with pytest.raises(RefusedError, match="not below the warehouse"):
        catalogue.call("exchange_partition", {"day": "1"}, "inside", f"{name}_a", "inside", f"{name}_b")

    assert is_whole(folder)
