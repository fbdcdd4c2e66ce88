"""A workspace of its own, started, asked, killed and stopped with real servers."""

import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest
from pydantic import SecretStr

from lakehouse.declare.table import ALL_LAYERS
from lakehouse.engine.session import Connection
from lakehouse.errors import ServiceError
from lakehouse.services import down, up
from lakehouse.services.doctor import examine
from lakehouse.services.status import ServiceStatus, status
from lakehouse.services.supervise import addresses, orphans, ports, probes, supervisor, wire
from lakehouse.settings import SparkSettings, load
from lakehouse.workspace import Workspace
from tests.conftest import own_servers
from tests.library.door import Door
from tests.rights import as_nobody, entries, needs_root, reachable_folder, umask, wider_than

BACK_WITHIN_SECONDS = 30
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
NAMED = {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "name", "mostly": 0.5}}
TRIES = """
for path in sys.argv[1:]:
    try:
        os.listdir(path) if os.path.isdir(path) else open(path).close()
    except PermissionError:
        print("refused")
    else:
        print("read")
"""


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """A workspace that these tests may do harm to, in a folder whose path is too long for a socket.

    Other users can enter the folder that it is in, and the umask takes no right away.
    """
    programs = path_without_java(tmp_path_factory.mktemp("programs"))
    with reachable_folder() as folder, umask(0):
        (folder / "beside").touch()
        settings = {"home": folder / ("long " * 20).strip(), "spark": SparkSettings(memory="1g")}
        with own_servers(Workspace(load().model_copy(update=settings)), PATH=str(programs)) as workspace:
            yield workspace


def path_without_java(folder: Path) -> Path:
    """A folder of the programs that Hadoop may run, and no others: none that would be started for each file."""
    for name in ("bash", "getconf", "groups", "id", "ln", "ls", "readlink", "sh", "stat", "uname", "whoami"):
        program = shutil.which(name)
        if program:
            (folder / name).symlink_to(program)
    return folder


def state(workspace: Workspace, name: str) -> ServiceStatus:
    return next(entry for entry in status(workspace) if entry.name == name)


def until(condition: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.2)


def test_both_answer_without_a_java_on_the_path(own):
    assert {entry.name for entry in status(own) if entry.state == "up"} == {"lease", "metastore", "spark"}


def test_the_layers_are_databases_with_their_folders(own):
    assert set(ALL_LAYERS) <= set(wire.ask_metastore(own.metastore_uri, timeout=5))
    wire.ask_spark(own.spark_remote, "create table bronze.first (a int) using delta", timeout=60)
    wire.ask_spark(own.spark_remote, "insert into bronze.first values (1)", timeout=60)
    table = Path(own.warehouse) / "bronze" / "first"
    assert (table / "_delta_log").is_dir()
    assert {stat.S_IMODE(file.stat().st_mode) for file in table.glob("*.parquet")} == {0o600}
    assert stat.S_IMODE(table.stat().st_mode) == 0o700


def test_tokens_are_the_owners_alone(own):
    secret = own.services()["spark"]["token"]
    private = [own.services_file, supervisor.folder(own) / "addresses.json", supervisor.folder(own) / "spark.json"]

    assert {stat.S_IMODE(path.stat().st_mode) for path in private} == {0o600}
    assert not any(secret in argument for process in orphans.started_by(own.home) for argument in process.cmdline())
    assert not any(secret in log.read_text() for log in own.logs.glob("*.log"))
    assert stat.S_IMODE(supervisor.socket_path(own).parent.stat().st_mode) == 0o700


def test_all_that_is_made_is_its_owners_alone_whatever_the_umask_is(own, tmp_path):
    with Connection(own) as connection:
        door = Door(own, connection.session(), tmp_path)
        table = replace(door.table(), properties=(("delta.checkpointInterval", "2"),))
        door.suite(table, NAMED | {"severity": "critical"})
        for run in range(3):
            door.write(table, door.rows((run, "a", 1, NOON), (run, None, 2, NOON)))
        door.spark.sql(f"optimize {table.name}")
    command = [sys.executable, "-c", "from lakehouse.cli import main; main()", "tables"]
    subprocess.run(command, env=os.environ | {"LAKEHOUSE_HOME": str(own.home)}, umask=0, check=True)

    made = dict(entries(own.home))
    logs = [name for name in made if "/_delta_log/" in name]
    assert any(table.entity in name for name in logs if name.endswith(".checkpoint.parquet"))
    assert any("/quarantine/" in name for name in logs)
    assert wider_than(0o700, own.home) == {}


@needs_root
def test_another_user_can_list_and_read_nothing(own):
    log = next(name for name in dict(entries(own.home)) if name.endswith(".json"))

    answer = as_nobody(TRIES, own.home.parent / "beside", own.home, own.home / log, own.warehouse)

    assert answer.splitlines() == ["read", "refused", "refused", "refused"]


def test_a_wrong_token_is_refused(own):
    port = own.services()["spark"]["port"]

    with pytest.raises(ServiceError, match="UNAUTHENTICATED"):
        wire.ask_spark(f"sc://localhost:{port}/;token=guessed", "select 1", timeout=10)


def test_everything_listens_on_loopback(own):
    listening = {
        connection.laddr.ip
        for process in orphans.started_by(own.home)
        for connection in process.net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN
    }

    assert listening
    assert listening <= {"127.0.0.1", "::ffff:127.0.0.1"}


def test_up_twice_changes_nothing(own):
    before = own.services()

    up(own)

    assert own.services() == before


def test_two_at_once_wait_for_each_other(own):
    code = (
        "from lakehouse.services import up; from lakehouse.workspace import current_workspace; up(current_workspace())"
    )
    env = {**os.environ, "LAKEHOUSE_HOME": str(own.home), "PYTHONPATH": str(Path.cwd())}
    both = [subprocess.Popen([sys.executable, "-c", code], env=env) for _ in range(2)]

    assert [process.wait(60) for process in both] == [0, 0]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["metastore", "spark"])
def test_a_killed_server_comes_back_with_its_address(own, name):
    before = state(own, name)

    os.kill(before.pid, signal.SIGKILL)

    until(lambda: state(own, name).state == "up", BACK_WITHIN_SECONDS)
    assert (state(own, name).address, state(own, name).pid != before.pid) == (before.address, True)
    wire.ask_spark(own.spark_remote, f"create table silver.after_{name} (a int) using delta", timeout=60)


def test_somebody_elses_server_is_used_and_not_started(own, tmp_path):
    spark = SparkSettings(remote=SecretStr(own.spark_remote))
    guest = Workspace(
        load().model_copy(update={"home": tmp_path / "guest", "spark": spark, "warehouse": own.warehouse})
    )
    try:
        up(guest)

        assert orphans.started_by(guest.home) == []
        assert state(guest, "spark").state == "theirs"
        assert own.services()["spark"]["token"] not in str(status(guest)) + str(examine(guest))
        assert all(finding.ok for finding in examine(guest))
        probes.spark(guest.spark_remote, guest.settings, 20)
    finally:
        down(guest)
    assert state(own, "spark").state == "up"


@pytest.mark.slow
def test_who_holds_the_port_of_a_killed_server_is_named(own):
    supervisor.halt(own, "metastore")
    port = addresses.kept(own)["metastore"].port
    intruder = subprocess.Popen([sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1"])
    try:
        until(lambda: not ports.is_free(port), 20)
        assert f"process {intruder.pid}" in ports.holder(port)
        supervisor.start_again(own, "metastore")

        until(lambda: f"process {intruder.pid}" in state(own, "metastore").note, 20)
        with pytest.raises(ServiceError, match=f"(?s){port}.*process {intruder.pid}.*lakehouse down"):
            up(own)
    finally:
        intruder.kill()
        intruder.wait()
    until(lambda: state(own, "metastore").state == "up", BACK_WITHIN_SECONDS)


def test_down_leaves_no_process_and_says_so_to_clients(own):
    down(own)

    assert orphans.started_by(own.home) == []
    assert {entry.state for entry in status(own)} == {"down"}
    with pytest.raises(ServiceError, match="lakehouse up"):
        _ = own.spark_remote
    down(own)  # twice is harmless
