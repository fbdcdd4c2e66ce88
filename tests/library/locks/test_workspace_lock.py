"""Two at once: the second waits and says for whom, or gives up and says so."""

import subprocess
import sys
from pathlib import Path

import pytest

from lakehouse.errors import WorkspaceBusyError
from lakehouse.locks.workspace_lock import workspace_lock
from lakehouse.settings import load
from lakehouse.workspace import Workspace

HOLDER = """
import sys
from lakehouse.locks.workspace_lock import workspace_lock
from lakehouse.workspace import current_workspace
with workspace_lock(current_workspace(), "a long job"):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setenv("LAKEHOUSE_HOME", str(tmp_path / "home"))
    return Workspace(load())


def test_the_second_is_told_who_holds_the_workspace_and_gets_it_afterwards(mine: Workspace):
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout.readline() == "held\n"
        said: list[str] = []

        with (
            pytest.raises(WorkspaceBusyError) as error,
            workspace_lock(mine, "mine", wait_seconds=0.1, say=said.append),
        ):
            pass

        assert f"a long job (pid {holder.pid}" in said[0]
        assert "Nothing was done" in str(error.value)
        holder.communicate("")
    with workspace_lock(mine, "mine", say=said.append):
        assert len(said) == 1


def test_a_holder_that_died_holds_nothing(mine: Workspace):
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as dead:
        assert dead.stdout.readline() == "held\n"
        dead.kill()

    with workspace_lock(mine, "mine", wait_seconds=5):
        assert (mine.home / "locks" / "workspace.holder.json").exists()
