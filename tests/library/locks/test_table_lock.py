"""Writers of one table: who waits is told for whom, and no other user can hold them up."""

import os
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from lakehouse.errors import WorkspaceBusyError
from lakehouse.locks.named_lock import named_lock
from lakehouse.locks.private_lock import private_lock
from lakehouse.locks.table_lock import creation_lock, table_lock
from lakehouse.settings import load
from lakehouse.workspace import Workspace

NAME = "silver.orders"
HOLDER = """
import sys
from lakehouse.locks.table_lock import creation_lock, table_lock
from lakehouse.workspace import current_workspace
with table_lock(current_workspace(), "silver.orders", what="run 1f2e of silver.orders"), \\
     creation_lock(current_workspace(), "ops"):
    print("held", flush=True)
    sys.stdin.read()
"""
# What another user would do to hold a lock: open its file for reading, lock it, and stay.
INTRUDER = """
import fcntl, os, sys
os.setgid(65534); os.setuid(65534)
try:
    fcntl.flock(os.open(sys.argv[1], os.O_RDONLY), fcntl.LOCK_EX | fcntl.LOCK_NB)
except PermissionError:
    print("refused")
else:
    print("held")
"""


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setenv("LAKEHOUSE_HOME", str(tmp_path / "home"))
    return Workspace(load())


def modes(workspace: Workspace) -> dict[str, int]:
    folder = workspace.home / "locks"
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in (folder, *folder.iterdir())}


def test_a_writer_that_waits_is_told_who_writes_the_table(mine: Workspace, capsys: pytest.CaptureFixture[str]):
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout.readline() == "held\n"
        said: list[str] = []

        with pytest.raises(WorkspaceBusyError), table_lock(mine, NAME, 0.1, say=said.append):
            pass
        with pytest.raises(WorkspaceBusyError), table_lock(mine, NAME, 0.1):
            pass
        with pytest.raises(WorkspaceBusyError) as refused, table_lock(mine, NAME, 0, say=said.append):
            pass
        holder.communicate("")

    assert len(said) == 1  # who does not wait is told by the error alone
    assert said[0].startswith(f"{NAME} is being written by run 1f2e of {NAME} (pid {holder.pid}, user ")
    assert f"run 1f2e of {NAME} (pid {holder.pid}" in str(refused.value)
    output = capsys.readouterr()
    assert (said[0] in output.err, output.out) == (True, "")


def test_who_waits_for_a_creation_is_told_too_and_gets_it_afterwards(
    mine: Workspace, capsys: pytest.CaptureFixture[str]
):
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout.readline() == "held\n"
        said: list[str] = []

        def end_the_holder(who: str) -> None:
            said.append(who)
            holder.stdin.close()

        with named_lock(mine, "ops.creation", "mine", 60, end_the_holder, patience_s=0.1):
            assert len(said) == 1
    with creation_lock(mine, "ops"):
        assert capsys.readouterr().err == ""


def test_a_lock_is_its_owners_alone_whatever_the_umask_is_and_whoever_made_it_before(mine: Workspace):
    folder = mine.home / "locks"
    folder.mkdir(mode=0o755, parents=True)
    (folder / f"{NAME}.lock").touch(mode=0o666)
    before = os.umask(0)
    try:
        with table_lock(mine, NAME), creation_lock(mine, "bronze.new"):
            held = modes(mine)
    finally:
        os.umask(before)

    assert held.pop("locks") == 0o700
    assert len(held) == 4
    assert set(held.values()) == {0o600}


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
def test_another_user_cannot_hold_a_lock_outside_of_a_private_folder_either():
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "install.lock"
        Path(folder).chmod(0o755)
        file.touch(mode=0o644)
        assert intrude(file) == "held"

        private_lock(file)

        assert intrude(file) == "refused"


def intrude(file: Path) -> str:
    answer = subprocess.run([sys.executable, "-c", INTRUDER, str(file)], capture_output=True, text=True, check=True)
    return answer.stdout.strip()
