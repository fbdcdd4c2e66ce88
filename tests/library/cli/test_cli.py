"""The command as a user runs it: a process of its own."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

LAKEHOUSE = Path(sys.executable).parent / "lakehouse"
HEAVY = ("pyspark", "dagster", "great_expectations", "mlflow", "feast", "pandas", "pyarrow", "numpy", "rich", "psutil")


def lakehouse(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([LAKEHOUSE, *arguments], capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture
def empty_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LAKEHOUSE_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def test_help_lists_the_commands():
    answer = lakehouse("--help")

    assert answer.returncode == 0
    assert {"up", "down", "status", "logs", "doctor", "sql"} <= set(answer.stdout.split())


def test_help_loads_nothing_heavy():
    code = "import sys, lakehouse.cli; lakehouse.cli.load_groups(); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()

    assert not set(HEAVY) & set(loaded)


def test_what_is_not_up_is_one_message_and_exit_code_1(empty_home):
    answer = lakehouse("sql", "select 1")

    assert (answer.returncode, answer.stdout) == (1, "")
    assert answer.stderr == (
        f"trino is not up in {empty_home}. Run `lakehouse up sql`, or name an existing one by a setting "
        "(`lakehouse doctor` lists them).\n"
    )


def test_a_setting_that_cannot_be_used_is_named(empty_home, monkeypatch):
    monkeypatch.setenv("LAKEHOUSE_SPARK__PROFILE", "fast")

    answer = lakehouse("status")

    assert answer.returncode == 1
    assert "LAKEHOUSE_SPARK__PROFILE" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_status_and_down_of_a_workspace_where_nothing_was_started(empty_home):
    status = lakehouse("status", "--json")

    assert {entry["state"] for entry in json.loads(status.stdout)} == {"down"}
    assert lakehouse("down").returncode == 0
    assert not empty_home.exists()


def test_an_unknown_part_is_refused_before_anything_starts(empty_home):
    answer = lakehouse("up", "kafka")

    assert (answer.returncode, "`lakehouse up [ui] [sql]`" in answer.stderr) == (1, True)
    assert not empty_home.exists()


def test_a_log_that_is_not_there_is_named_with_those_that_are(empty_home):
    answer = lakehouse("logs", "kafka")

    assert (answer.returncode, "there is no log of `kafka`" in answer.stderr) == (1, True)


def test_doctor_says_what_is_wrong_and_how_to_mend_it(empty_home, monkeypatch):
    monkeypatch.setenv("LAKEHOUSE_JAVA_HOME", "/nowhere")

    answer = lakehouse("doctor")

    assert answer.returncode == 1
    assert "FAIL java" in answer.stdout
    assert "unset the variable" in answer.stdout


def test_status_doctor_and_logs_of_servers_that_are_up(workspace):
    status = {entry["name"]: entry for entry in json.loads(lakehouse("status", "--json").stdout)}

    assert (status["metastore"]["state"], status["spark"]["state"]) == ("up", "up")
    assert workspace.services()["spark"]["token"] not in json.dumps(status)
    assert [line for line in lakehouse("doctor").stdout.splitlines() if not line.startswith("ok ")] == []
    assert lakehouse("logs", "metastore", "-n", "3").returncode == 0
