"""One committer per warehouse, with real processes: refused, taken from the dead, fenced after a pause."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from pydantic import SecretStr

from lakehouse.engine.session import connect
from lakehouse.errors import FencedError, WorkspaceBusyError
from lakehouse.locks import DiskStore, Holder, acquire, beat, check_lease, highest, holder_of, release
from lakehouse.services import up
from lakehouse.services.status import status
from lakehouse.services.supervise import lease_keeper, orphans, supervisor
from lakehouse.settings import LeaseSettings, SparkSettings, load
from lakehouse.workspace import Workspace
from tests.conftest import own_servers

HEARTBEAT, TTL = 0.2, 1.2
SERVER_TTL = 5  # supervisord needs up to 2 s to start a keeper again
# A process that takes the lease and keeps it; it says "took EPOCH" or "busy".
HOLDS = """
import sys
from pathlib import Path
from lakehouse.errors import WorkspaceBusyError
from lakehouse.locks import DiskStore, Holder, acquire
from lakehouse.services.supervise.lease_keeper import keep
folder, home, heartbeat, ttl = sys.argv[1:]
me = Holder.here(Path(home), heartbeat_seconds=float(heartbeat))
store = DiskStore(Path(folder))
try:
    epoch = acquire(store, me, ttl_seconds=float(ttl), say=lambda _: None)
except WorkspaceBusyError as error:
    print("busy", str(error).replace(chr(10), " "), flush=True)
else:
    print("took", epoch, flush=True)
    keep(store, epoch, me)
    print("lost", flush=True)
"""


def until(condition: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.05)


@pytest.fixture
def holds() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start a process that wants a lease."""
    started = []

    def start(folder: Path, home: str = "/elsewhere", heartbeat: float = HEARTBEAT) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", HOLDS, str(folder), home, str(heartbeat), str(TTL)]
        started.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


def me(home: str = "/mine") -> Holder:
    return Holder.here(Path(home), heartbeat_seconds=HEARTBEAT)


def take(store: DiskStore, holder: Holder | None = None) -> int:
    return acquire(store, holder or me(), ttl_seconds=TTL, say=lambda _: None)


# --- the store and the turn ---


def test_of_many_creators_of_one_name_exactly_one_succeeds(tmp_path):
    store, barrier, made = DiskStore(tmp_path / "_lease"), threading.Barrier(24), []

    def create(number: int) -> None:
        barrier.wait()
        made.append(store.create("1.json", str(number).encode()) and number)

    threads = [threading.Thread(target=create, args=(number,)) for number in range(1, 25)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    winners = [number for number in made if number]
    assert [str(number).encode() for number in winners] == [store.read("1.json")]


def test_of_many_processes_one_takes_the_lease_and_the_others_are_told_its_name(tmp_path, holds):
    rivals = [holds(tmp_path, f"/home/{number}") for number in range(6)]

    said = [rival.stdout.readline() for rival in rivals]

    took = [number for number, line in enumerate(said) if line.startswith("took")]
    assert len(took) == 1
    assert all(f"workspace /home/{took[0]}," in line for line in said if line.startswith("busy"))


def test_a_lease_that_was_given_back_is_taken_at_once(tmp_path):
    store = DiskStore(tmp_path)
    first = take(store)
    release(store, first)

    assert take(store, replace(me(), machine="another")) == first + 1


def test_the_lease_of_a_process_that_was_killed_is_taken_without_watching(tmp_path, holds):
    process, store, said = holds(tmp_path), DiskStore(tmp_path), []
    assert process.stdout.readline() == "took 1\n"
    process.kill()
    process.wait()

    assert (acquire(store, me(), ttl_seconds=600, say=said.append), said) == (2, [])


def test_a_pid_of_another_machine_says_nothing(tmp_path, holds):
    ended, store, said = holds(tmp_path), DiskStore(tmp_path), []
    ended.kill()
    ended.wait()
    store.create("1.json", replace(me(), machine="another", pids=(ended.pid,)).to_json())

    assert acquire(store, me(), ttl_seconds=TTL, say=said.append) == 2
    assert "watching it for up to" in said[0]


@pytest.mark.parametrize("wall", ["1970-01-01T00:00:00+00:00", "2999-01-01T00:00:00+00:00"])
def test_wall_clocks_decide_nothing(tmp_path, wall):
    store, stop = DiskStore(tmp_path), threading.Event()
    living = replace(me("/living"), since=wall, seen=wall)
    epoch = take(store, living)

    def live() -> None:
        current = living
        while not stop.wait(HEARTBEAT):
            current = replace(current.alive(), seen=wall)
            beat(store, epoch, current)

    thread = threading.Thread(target=live)
    thread.start()
    with pytest.raises(WorkspaceBusyError, match=f"workspace /living, since {wall[:4]}"):
        take(store)
    stop.set()
    thread.join()

    assert take(store) == epoch + 1  # this very process is alive, but gives no sign


def test_a_torn_file_of_the_holder_is_watched_and_then_taken(tmp_path):
    (tmp_path / "7.json").write_text('{"home": "/tor')

    assert take(DiskStore(tmp_path)) == 8


def test_a_holder_that_was_paused_finds_a_higher_epoch_and_gives_no_sign_any_more(tmp_path, holds):
    paused, store = holds(tmp_path), DiskStore(tmp_path)
    assert paused.stdout.readline() == "took 1\n"
    os.kill(paused.pid, signal.SIGSTOP)

    assert take(store) == 2
    os.kill(paused.pid, signal.SIGCONT)

    assert paused.stdout.readline() == "lost\n"
    assert (highest(store), holder_of(store, 2).home) == (2, "/mine")


def test_old_epochs_are_swept_and_never_used_again(tmp_path):
    store = DiskStore(tmp_path)
    for _ in range(30):
        release(store, take(store))

    assert (highest(store), len(store.list())) == (30, 21)


def test_a_workspace_without_a_server_of_its_own_is_asked_nothing(tmp_path):
    remote = SparkSettings(remote=SecretStr("sc://elsewhere:1"))
    settings = load().model_copy(update={"home": tmp_path / "home", "warehouse": str(tmp_path)})
    take(DiskStore(tmp_path / "_lease"))

    check_lease(Workspace(settings))
    check_lease(Workspace(settings.model_copy(update={"spark": remote})))


# --- a server ---


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """A workspace with a server, whose keeper these tests stop and kill."""
    workspace = sharing(tmp_path_factory.mktemp("own") / "home", str(tmp_path_factory.mktemp("warehouse")))
    with own_servers(workspace):
        yield workspace


def sharing(home: Path, warehouse: str) -> Workspace:
    lease = LeaseSettings(heartbeat_seconds=HEARTBEAT, ttl_seconds=SERVER_TTL)
    spark = SparkSettings(memory="1g")
    return Workspace(load().model_copy(update={"home": home, "warehouse": warehouse, "lease": lease, "spark": spark}))


def lease_folder(workspace: Workspace) -> Path:
    return Path(workspace.warehouse) / "_lease"


def state(workspace: Workspace, name: str) -> tuple[str, int | None]:
    return next((entry.state, entry.pid) for entry in status(workspace) if entry.name == name)


def test_the_lease_is_shown_and_the_door_may_commit(own):
    (entry,) = (service for service in status(own) if service.name == "lease")

    assert (entry.state, entry.address) == ("up", f"{own.warehouse}/_lease/1.json")
    check_lease(own)


def test_a_second_workspace_on_the_warehouse_is_refused_by_name(own, tmp_path):
    second = sharing(tmp_path / "second", own.warehouse)
    began = holder_of(DiskStore(lease_folder(own)), 1).since

    with pytest.raises(WorkspaceBusyError) as refused:
        up(second)

    holder = f"(pid {state(own, 'lease')[1]}, workspace {own.home}, since {began})"
    assert holder in str(refused.value)
    assert f"LAKEHOUSE_HOME={own.home} lakehouse down" in str(refused.value)
    assert orphans.started_by(second.home) == []
    assert (highest(DiskStore(lease_folder(own))), state(second, "lease")) == (1, ("down", None))


def test_a_killed_keeper_comes_back_and_keeps_the_same_epoch(own, tmp_path):
    before = state(own, "lease")[1]

    os.kill(before, signal.SIGKILL)

    with pytest.raises(WorkspaceBusyError):  # what starts the keeper again lives, so nobody takes the lease
        lease_keeper.take(sharing(tmp_path / "second", own.warehouse), lambda _: None)
    until(lambda: state(own, "lease")[1] not in (None, before), 20)
    check_lease(own)


@pytest.mark.slow
def test_a_paused_holder_is_fenced_when_it_wakes(own, holds):
    spark, paused = psutil.Process(state(own, "spark")[1]), state(own, "lease")[1]
    os.kill(paused, signal.SIGSTOP)
    other, epoch = holds(lease_folder(own), "/home/other"), own.services()["lease"]["epoch"]
    assert other.stdout.readline() == f"took {epoch + 1}\n"

    with pytest.raises(FencedError, match=rf"(?s){own.home} .*pid {other.pid}, workspace /home/other.*lakehouse down"):
        check_lease(own)
    with pytest.raises(FencedError):
        connect(own)
    assert spark.is_running()

    os.kill(paused, signal.SIGCONT)

    psutil.wait_procs([spark], timeout=30)
    until(lambda: not supervisor.states(own)["lease"].wanted, 30)
    assert not spark.is_running()
    assert not supervisor.states(own)["spark"].wanted
    assert state(own, "lease")[0] == "lost"
    assert "workspace /home/other" in (own.logs / "lease.log").read_text()

    supervisor.start_again(own, "spark")  # not even by hand
    until(lambda: "not the warehouse's newest" in (own.logs / "spark.log").read_text(), 30)
    supervisor.halt(own, "spark")
    with pytest.raises(WorkspaceBusyError, match="workspace /home/other"):
        up(own)

    other.kill()
    other.wait()
    up(own)

    check_lease(own)
    assert own.services()["lease"]["epoch"] == epoch + 2


def test_all_of_a_holder_killed_is_taken_at_once(own, tmp_path):
    said, epoch = [], own.services()["lease"]["epoch"]
    all_of_it = orphans.started_by(own.home)
    for process in sorted(all_of_it, key=lambda started: "supervisord" not in " ".join(started.cmdline())):
        process.kill()
    psutil.wait_procs(all_of_it, timeout=20)

    assert (lease_keeper.take(sharing(tmp_path / "second", own.warehouse), said.append), said) == (epoch + 1, [])
    with pytest.raises(FencedError):
        check_lease(own)
