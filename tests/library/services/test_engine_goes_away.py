"""The engine is taken down, or started anew, under who uses it: all say so, end in time, and the next run goes on."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from lakehouse.delta.history import row_count
from lakehouse.engine.failure import in_our_words
from lakehouse.engine.session import Connection
from lakehouse.errors import ServiceError
from lakehouse.services import down, up
from lakehouse.services.status import status
from lakehouse.services.supervise import ports, supervisor, wire
from lakehouse.settings import SparkSettings, load
from lakehouse.workspace import Workspace
from tests.conftest import own_servers
from tests.library.services.listener import listener_of_another
from tests.rights import NOBODY, needs_root

# Each takes its own engine away.
pytestmark = pytest.mark.slow

LAKEHOUSE = Path(sys.executable).parent / "lakehouse"
PATIENCE_SECONDS = 90
RUN_ENDS_WITHIN_SECONDS, SCRIPT_ENDS_WITHIN_SECONDS = 20, 10
LONG = "select max(sha2(repeat(id, 999), 512)) as word from range(0, 900000000, 1, 8)"
ASSETS = f'''
import os

from lakehouse import Column, Foreign, Overwrite, Table, table_asset

COLUMNS = (Column("word", "string", "A word"),)
WORDS = Table("silver.words", columns=COLUMNS, grain="one row", write=Overwrite())


@table_asset(WORDS, reads={{"raw": Foreign("bronze.words")}})
def words(raw):
    """Takes hours if it is told to."""
    return raw.sparkSession.sql("{LONG}") if "SLOW" in os.environ else raw
'''
IDLE = """
import sys
from lakehouse import connect

session = connect()
print(session.sql("select 'here'").first()[0], flush=True)
sys.stdin.readline()
print("last line", flush=True)
"""
# The client tells the server in a thread of its own that it wants no more of these rows.
LEFT_OPEN = """
import sys
from lakehouse import connect

rows = connect().sql("select 'here'").toLocalIterator()
print(next(rows)[0], flush=True)
sys.stdin.readline()
del rows
print("last line", flush=True)
"""
AT_WORK = f"""
from lakehouse import connect
from pyspark.errors import PySparkException

session = connect()
print(session.sql("select 'here'").first()[0], flush=True)
try:
    session.sql("{LONG}").collect()
except PySparkException:
    print("last line", flush=True)
"""


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """A workspace whose engine these tests take away."""
    folder = tmp_path_factory.mktemp("away")
    (folder / "assets").mkdir()
    (folder / "assets" / "__init__.py").touch()
    (folder / "assets" / "words.py").write_text(ASSETS)
    given = {"home": folder / "home", "project": folder, "spark": SparkSettings(memory="1g"), "warehouse": None}
    workspace = Workspace(load().model_copy(update=given))
    with own_servers(workspace):
        yield workspace


def environment(workspace: Workspace, **more: str) -> dict[str, str]:
    given = {"LAKEHOUSE_HOME": str(workspace.home), "LAKEHOUSE_PROJECT": str(workspace.settings.project)}
    return {**os.environ, **given, **more}


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"not within {PATIENCE_SECONDS} s"
        time.sleep(0.1)


def engine_is_up(workspace: Workspace, *, but: int = 0) -> bool:
    return any(entry.name == "spark" and entry.state == "up" and entry.pid != but for entry in status(workspace))


def is_at_work(workspace: Workspace) -> bool:
    return not wire.spark_computes(workspace.spark_remote, within=2, timeout=20)


def write_words(workspace: Workspace) -> None:
    import pyarrow as pa
    from deltalake import write_deltalake

    write_deltalake(workspace.table_path("bronze.words"), pa.table({"word": ["first", "second"]}))
    code = "from lakehouse import connect, current_workspace as here\n"
    code += "place = here().table_path('bronze.words')\n"
    code += "connect().sql(f\"CREATE TABLE bronze.words USING delta LOCATION '{place}'\")\n"
    subprocess.run([sys.executable, "-c", code], env=environment(workspace), check=True, timeout=PATIENCE_SECONDS)


def test_a_run_whose_engine_is_taken_down_says_so_at_once_and_the_next_one_finishes(own: Workspace) -> None:
    write_words(own)
    command = [LAKEHOUSE, "run", "silver.words"]
    with subprocess.Popen(command, env=environment(own, SLOW="1"), stderr=subprocess.PIPE, text=True) as run:
        until(lambda: is_at_work(own))
        began = time.monotonic()

        down(own)
        _, said = run.communicate(timeout=PATIENCE_SECONDS)

        assert (run.returncode, time.monotonic() - began < RUN_ENDS_WITHIN_SECONDS) == (1, True)
    assert said.startswith(f"silver.words was not written, it stays at version 0: the engine of {own.home} was taken ")
    assert "Run `lakehouse up`" in said
    assert "Traceback" not in said
    up(own)
    after = subprocess.run(command, env=environment(own), capture_output=True, text=True, check=False)
    assert after.returncode == 0, after.stderr
    assert row_count(own, "silver.words") == 2


def taken_down(workspace: Workspace) -> None:
    down(workspace)


def started_anew(workspace: Workspace) -> None:
    supervisor.start_anew(workspace, "spark")
    until(lambda: engine_is_up(workspace))


def away(workspace: Workspace) -> None:
    supervisor.kill(workspace, "spark")


@pytest.mark.parametrize(
    ("script", "fate", "is_theirs"),
    [
        pytest.param(IDLE, started_anew, False, id="anew"),
        pytest.param(IDLE, away, False, id="away"),
        pytest.param(IDLE, taken_down, False, id="down"),
        pytest.param(AT_WORK, started_anew, False, id="at_work_anew"),
        pytest.param(AT_WORK, away, False, id="at_work_away"),
        pytest.param(AT_WORK, taken_down, False, id="at_work_down"),
        # Somebody else's is waited for while a script works: it may come back. After its last line it is not.
        pytest.param(IDLE, started_anew, True, id="theirs_anew"),
        pytest.param(IDLE, away, True, id="theirs_away"),
        pytest.param(LEFT_OPEN, away, True, id="theirs_away_left_open"),
    ],
)
def test_a_script_ends_soon_after_its_last_line_whatever_became_of_the_engine(
    own: Workspace, tmp_path: Path, script: str, fate: Callable[[Workspace], None], is_theirs: bool
) -> None:
    up(own)
    variables = environment(own)
    if is_theirs:
        variables |= {"LAKEHOUSE_HOME": str(tmp_path), "LAKEHOUSE_SPARK__REMOTE": own.spark_remote}
    command = [sys.executable, "-c", script]
    with subprocess.Popen(command, env=variables, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdin is not None
        assert running.stdout is not None
        assert running.stdout.readline() == "here\n"
        if script is AT_WORK:
            until(lambda: is_at_work(own))
        fate(own)
        if script is not AT_WORK:
            running.stdin.write("go on\n")
            running.stdin.flush()
        assert running.stdout.readline() == "last line\n"
        ended = time.monotonic()

        assert running.wait(PATIENCE_SECONDS) == 0
        assert time.monotonic() - ended < SCRIPT_ENDS_WITHIN_SECONDS


def test_who_connects_while_the_engine_is_started_anew_waits_for_it(own: Workspace) -> None:
    up(own)
    [before] = [entry.pid for entry in status(own) if entry.name == "spark"]
    assert before is not None
    os.kill(before, signal.SIGKILL)

    script = subprocess.run(
        [sys.executable, "-c", IDLE], env=environment(own), capture_output=True, text=True, input="\n", check=False
    )

    assert (script.returncode, script.stdout) == (0, "here\nlast line\n"), script.stderr
    assert engine_is_up(own, but=before)


@needs_root
@pytest.mark.parametrize("is_theirs", [False, True])
def test_a_session_whose_engines_port_another_user_takes_ends_soon_and_names_him(
    own: Workspace, tmp_path: Path, is_theirs: bool
) -> None:
    up(own)
    engine = own.services()["spark"]
    given = {"home": tmp_path, "spark": SparkSettings(remote=SecretStr(own.spark_remote))}
    workspace = Workspace(own.settings.model_copy(update=given)) if is_theirs else own
    with Connection(workspace) as connection:
        session = connection.session()
        os.kill(engine["pid"], signal.SIGKILL)
        until(lambda: ports.is_free(engine["port"]))
        with listener_of_another(port=engine["port"]) as (_, end):
            began = time.monotonic()

            said = rf"^nothing was done: .* held by a process of .* \(uid {NOBODY}\), which was sent no token\."
            with pytest.raises(ServiceError, match=said), in_our_words(workspace, lambda: "nothing was done"):
                session.sql("select 1").collect()

            assert time.monotonic() - began < SCRIPT_ENDS_WITHIN_SECONDS
            assert engine["token"].encode() not in end()
    until(lambda: engine_is_up(own, but=engine["pid"]))
