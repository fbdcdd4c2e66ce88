"""The wall clock goes back by an hour: what was written before then lies in the future of what is written now.

Log, files and their times are moved ahead instead of the clock back, which no test may do to its machine; to whoever
compares times the two are the same, the server included.
"""

import json
import os
import uuid
from datetime import UTC, datetime
from pathlib import Path

import pytest

from lakehouse.declare.column import Column
from lakehouse.declare.table import Table, quarantine_of
from lakehouse.declare.write_modes import Append
from lakehouse.delta.history import history
from lakehouse.runs.run import run
from lakehouse.sources.files import Lines
from tests.library.faults.batches import COLUMNS
from tests.library.faults.house import House

HOUR_MS = 3_600_000


def into_the_future(root: Path) -> None:
    """Move all that is below a folder ahead by an hour: times of files, and those that the Delta log holds."""
    for entry in root.glob("_delta_log/*.json"):
        actions = [json.loads(line) for line in entry.read_text().splitlines()]
        for action in actions:
            for kind, name in (
                ("commitInfo", "timestamp"),
                ("add", "modificationTime"),
                ("remove", "deletionTimestamp"),
            ):
                if name in action.get(kind, {}):
                    action[kind][name] += HOUR_MS
        entry.write_text("\n".join(map(json.dumps, actions)) + "\n")
        (entry.parent / f".{entry.name}.crc").unlink(missing_ok=True)  # Hadoop's checksum of what was there
    for file in (path for path in root.rglob("*") if path.is_file()):
        os.utime(file, (file.stat().st_atime + HOUR_MS / 1000, file.stat().st_mtime + HOUR_MS / 1000))


@pytest.fixture
def house(workspace, spark, tmp_path) -> House:
    return House.in_folder(workspace, 7, tmp_path, f"_{uuid.uuid4().hex[:8]}")


@pytest.mark.slow
@pytest.mark.parametrize(
    "mode", ["append", pytest.param("merge", marks=pytest.mark.slow), pytest.param("scd2", marks=pytest.mark.slow)]
)
def test_versions_rise_and_no_row_is_lost(house, connection, mode):
    reader = Table(f"silver.reader_{uuid.uuid4().hex[:8]}", COLUMNS, "one row per row", write=Append())
    table = house.table(mode)
    reads = {"changes": table.changes()}

    def read_on():
        return run(connection, reader, lambda changes: changes.select(*reader.column_names), reads, code="1")

    for _ in range(2):
        house.following(connection, mode)
    read_on()
    for name in (table.name, reader.name, quarantine_of(table.name)):
        into_the_future(Path(house.workspace.table_path(name)))

    assert read_on().unchanged
    for _ in range(2):
        house.following(connection, mode)
    house.mend(connection, mode)
    assert not read_on().unchanged
    assert read_on().unchanged

    commits = history(house.workspace, table.name)
    assert [commit.version for commit in commits] == list(range(len(commits)))[::-1]
    assert max(commit.committed_at for commit in commits[-2:]) > datetime.now(UTC)
    assert house.problems(mode) == []
    seen = {row[0] for row in connection.session().table(reader.name).select("id").collect()}
    assert {row[0] for row in house.read(mode)} <= seen


def test_a_file_that_is_older_than_those_that_were_read_is_read(house, connection, tmp_path):
    columns = (Column("line", "string", "As it came"), Column("_source_file", "string", "Where it was"))
    table = Table(f"bronze.lines_{uuid.uuid4().hex[:8]}", columns, "one row per line", write=Append())
    landing = tmp_path / "landing"
    landing.mkdir()
    (landing / "first.txt").write_text("a\n")

    def ingest():
        reads = {"lines": Lines("landing/*.txt")}
        return run(connection, table, lambda lines: lines.select("line", "_source_file"), reads, code="1")

    ingest()
    (landing / "second.txt").write_text("b\n")
    hour_ago = (landing / "first.txt").stat().st_mtime - HOUR_MS / 1000
    os.utime(landing / "second.txt", (hour_ago, hour_ago))

    assert ingest().published == 1
    assert ingest().unchanged
    assert sorted(row[0] for row in connection.session().table(table.name).select("line").collect()) == ["a", "b"]
