"""The engine's log store: of two servers that make one version one fails; what it leaves, and what it does not."""

import os
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import psutil
import pytest
from deltalake import DeltaTable
from pyspark.sql import SparkSession

from lakehouse.delta.log_entry import put_commit, sweep_drafts
from lakehouse.errors import ServiceError
from lakehouse.services import roster
from lakehouse.services.java.runtime import Runtime
from lakehouse.services.java.scala import jar_of
from lakehouse.services.servers import spark as server
from lakehouse.services.supervise import ports, probes, wire
from lakehouse.services.supervise.spec import Address
from lakehouse.settings import Settings, SparkSettings, load
from lakehouse.storage import write_private_json
from lakehouse.workspace import Workspace
from tests.conftest import SHORT_LIVED

PAUSES = Path(__file__).with_name("PausedWriter.scala")
OURS = {
    "spark.delta.logStore.file.impl": "lakehouse.PausedLogStore",
    "spark.hadoop.fs.file.impl": "lakehouse.PausedFiles",
}
DELTAS = {
    "spark.delta.logStore.file.impl": "io.delta.storage.HDFSLogStore",
    "spark.hadoop.fs.AbstractFileSystem.file.impl": "lakehouse.PausedContext",
}
WITHIN_SECONDS = 120
TWO_DAYS = 2 * 24 * 3600


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WITHIN_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@dataclass(frozen=True)
class PausedServer:
    """A second engine, which stops before it makes a name."""

    url: str
    folder: Path
    process: subprocess.Popen[bytes]

    def ask(self, statement: str) -> None:
        wire.ask_spark(self.url, statement, timeout=WITHIN_SECONDS)

    @contextmanager
    def stopped_at(self, name: str, statement: str) -> Iterator[None]:
        """Run a statement up to the step that makes `name`; it goes on at the end."""
        for file in ("reached", "go"):
            (self.folder / file).unlink(missing_ok=True)
        (self.folder / "at").write_text(name)
        with ThreadPoolExecutor(1) as pool:
            asked = pool.submit(self.ask, statement)
            try:
                until(lambda: (self.folder / "reached").exists() or asked.done())
                yield
            finally:
                (self.folder / "go").touch()
            asked.result()


@contextmanager
def paused_server(home: Path, conf: dict[str, str]) -> Iterator[PausedServer]:
    """Start an engine without a catalogue, on classes that pause."""
    settings = load().model_copy(update={"home": home, "spark": SparkSettings(memory="1g")})
    plain = roster.runtime(settings, "spark")
    runtime = Runtime(plain.java, (*plain.extras, jar_of(settings, plain.java, PAUSES, beside=plain.extras)))
    address = Address(ports.choose(set()), secrets.token_hex(16))
    spec = server.spec(Workspace(settings), runtime, address, "")
    given = {"spark.sql.catalogImplementation": "in-memory", "lakehouse.pause": str(home), **conf}
    *flags, main = spec.command
    spec = replace(spec, command=(*flags, *(f"-D{name}={value}" for name, value in given.items()), main))
    spec.write_files()
    file, url = home / "spark.json", roster.url("spark", address)
    write_private_json(file, spec.launch())
    command = [sys.executable, "-m", "lakehouse.services.supervise.launch", str(file)]
    with (home / "log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=os.environ | SHORT_LIVED)
    try:
        until(lambda: process.poll() is not None or answers(url, settings))
        yield PausedServer(url, home, process)
    finally:
        process.kill()
        process.wait()


def answers(url: str, settings: Settings) -> bool:
    try:
        probes.spark(url, settings, WITHIN_SECONDS)
    except ServiceError:
        return False
    return True


@pytest.fixture(scope="module")
def paused(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PausedServer]:
    """An engine whose store is ours."""
    with paused_server(tmp_path_factory.mktemp("paused"), OURS) as started:
        yield started


@pytest.fixture
def table(spark: SparkSession, tmp_path: Path) -> Path:
    """A table of one number, at version 1; a checkpoint at each second version."""
    path = tmp_path / "numbers"
    spark.sql(f"create table delta.`{path}` (n bigint) using delta tblproperties ('delta.checkpointInterval' = '2')")
    spark.sql(insert(path, 0))
    return path


def insert(path: Path, number: int) -> str:
    return f"insert into delta.`{path}` values ({number})"


def numbers(path: Path) -> list[int]:
    return sorted(DeltaTable(path).to_pyarrow_table()["n"].to_pylist())


def drafts(path: Path) -> list[Path]:
    return [file for file in (path / "_delta_log").iterdir() if file.suffix == ".tmp"]


@pytest.mark.slow
def test_of_two_servers_that_make_one_version_neither_loses_its_rows(paused, spark, table):
    with paused.stopped_at(f"{2:020d}.json", insert(table, 1)):
        spark.sql(insert(table, 2))
        assert (numbers(table), len(drafts(table))) == ([0, 2], 1)

    assert (numbers(table), DeltaTable(table).version(), drafts(table)) == ([0, 1, 2], 3, [])


@pytest.mark.slow
def test_a_version_that_this_library_made_is_not_overwritten_by_the_engine(paused, table):
    note = {"commitInfo": {"timestamp": 0, "operation": "note"}}

    with paused.stopped_at(f"{2:020d}.json", insert(table, 1)):
        put_commit(str(table), 2, [note])

    assert DeltaTable(table).history()[1]["operation"] == "note"
    assert numbers(table) == [0, 1]


@pytest.mark.slow
def test_no_reader_sees_half_a_checkpoint(paused, table):
    checkpoint = table / "_delta_log" / f"{2:020d}.checkpoint.parquet"

    with paused.stopped_at(checkpoint.name, insert(table, 1)):
        assert (paused.folder / "reached").exists()
        assert not checkpoint.exists()

    assert checkpoint.exists()


@pytest.mark.slow
def test_deltas_own_store_loses_a_commit_without_a_word(spark, table, tmp_path):
    """Why there is a store of our own: once this fails, Delta has one that can be used instead."""
    home = tmp_path / "deltas"
    home.mkdir()
    with paused_server(home, DELTAS) as other:
        spark.sql(insert(table, 10))  # so that the next version is one without a checkpoint of its own
        with other.stopped_at(f"{3:020d}.json", insert(table, 1)):
            spark.sql(insert(table, 2))
            assert numbers(table) == [0, 2, 10]

        assert (numbers(table), DeltaTable(table).version()) == ([0, 1, 10], 3)


@pytest.mark.slow
def test_a_server_that_is_killed_within_a_commit_leaves_a_draft_that_nobody_reads(spark, table, tmp_path):
    home = tmp_path / "killed"
    home.mkdir()
    with paused_server(home, OURS) as victim:
        with pytest.raises(ServiceError), victim.stopped_at(f"{2:020d}.json", insert(table, 1)):
            psutil.Process(victim.process.pid).kill()

        assert (numbers(table), len(drafts(table))) == ([0], 1)
        spark.sql(insert(table, 2))
        assert numbers(table) == [0, 2]
        assert [row.n for row in spark.sql(f"select n from delta.`{table}` order by n").collect()] == [0, 2]


def test_what_killed_writers_left_does_not_pile_up(spark, table):
    log = table / "_delta_log"
    old, young, deltas = log / "_commit_old.json.tmp", log / "_commit_young.json.tmp", log / f".{2:020d}.json.x.tmp"
    for draft in (old, young, deltas):
        draft.write_text("{")
    for draft in (old, deltas):
        os.utime(draft, (time.time() - TWO_DAYS,) * 2)

    spark.sql(insert(table, 1))

    assert drafts(table) == [young]
    os.utime(young, (time.time() - TWO_DAYS,) * 2)
    sweep_drafts(str(table))
    assert drafts(table) == []


@pytest.mark.slow
def test_files_that_are_written_again_are_read_beside_checksums_of_another_store(paused, spark, table):
    log = table / "_delta_log"
    for name in ("_last_checkpoint", f"{2:020d}.json", f"{4:020d}.json"):
        (log / f".{name}.crc").write_bytes(b"crc\x00\x00\x00\x02\x00\x00\x00\x00\x00")

    for number in range(1, 5):
        spark.sql(insert(table, number))

    assert '"version":4' in (log / "_last_checkpoint").read_text()
    assert not (log / "._last_checkpoint.crc").exists()
    paused.ask(f"insert into delta.`{table}` select sum(n) from delta.`{table}`")  # an engine that remembers nothing
    assert numbers(table) == [0, 1, 2, 3, 4, 10]
