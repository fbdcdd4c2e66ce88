"""A damaged log is named, with the last good version and the way back to it."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lakehouse.delta.history import history, open_table, version_of
from lakehouse.delta.log_health import first_damage
from lakehouse.errors import DamagedLogError, LakehouseError, WorkspaceBusyError
from lakehouse.maintenance.repair_log import planned, repair
from lakehouse.settings import Settings
from lakehouse.workspace import Workspace

NAME = "silver.things"


@pytest.fixture
def house(clean_environment: Path, tmp_path: Path) -> Workspace:
    """A workspace without servers, with a warehouse of its own."""
    return Workspace(Settings().model_copy(update={"home": tmp_path / "home", "warehouse": str(tmp_path / "tables")}))


def written(house: Workspace, commits: int = 6, checkpoint: int | None = None) -> Path:
    """A table with a row per version, written by delta-rs; gives the folder of its log."""
    import pyarrow as pa
    from deltalake import DeltaTable, write_deltalake

    path = house.table_path(NAME)
    for version in range(commits):
        write_deltalake(path, pa.table({"id": pa.array([version], pa.int64())}), mode="append")
        if version == checkpoint:
            DeltaTable(path).create_checkpoint()
    return Path(path) / "_delta_log"


def damage(log: Path, version: int, kind: str) -> None:
    entry = log / f"{version:020d}.json"
    if kind == "missing":
        entry.unlink()
    else:
        entry.write_bytes(b"" if kind == "empty" else entry.read_bytes()[:-40])


def rows(house: Workspace) -> list[int]:
    delta = open_table(house, NAME)
    assert delta is not None
    return sorted(delta.to_pyarrow_table()["id"].to_pylist())


KINDS = ("missing", "empty", "torn")


@pytest.mark.parametrize("checkpoint", [None, 2])
@pytest.mark.parametrize("version", [3, 4])
@pytest.mark.parametrize("kind", KINDS)
def test_a_broken_entry_is_named_with_the_last_good_version(
    house: Workspace, kind: str, version: int, checkpoint: int | None
):
    log = written(house, checkpoint=checkpoint)
    assert first_damage(house, NAME) is None
    damage(log, version, kind)

    with pytest.raises(DamagedLogError) as raised:
        open_table(house, NAME)

    good = version - 1
    assert str(raised.value) == (
        f"silver.things was not read or written: entry {version} of its log is {kind} ({log}/{version:020d}.json).\n"
        f"The last good version is {good}. `lakehouse repair silver.things` says what came after it; with `--yes` it "
        f"moves the broken entry and what follows aside and goes back to version {good}.\n"
        f'To look at it before: `deltalake.DeltaTable("{log.parent}", version={good})`.'
    )


@pytest.mark.parametrize("kind", ["empty", "torn"])
def test_the_last_entry_counts_too(house: Workspace, kind: str):
    damage(written(house), 5, kind)

    assert (first_damage(house, NAME).version, first_damage(house, NAME).kind) == (5, kind)


def test_where_the_last_entry_is_missing_its_checksum_tells(house: Workspace):
    log = written(house)
    (log / f".{5:020d}.json.crc").write_bytes(b"crc")
    damage(log, 5, "missing")

    assert (first_damage(house, NAME).version, first_damage(house, NAME).kind) == (5, "missing")


def test_what_lies_before_the_last_checkpoint_is_not_needed(house: Workspace):
    log = written(house, checkpoint=3)
    for version, kind in enumerate(KINDS):
        damage(log, version, kind)

    assert (first_damage(house, NAME), version_of(house, NAME)) == (None, 5)


def test_a_commit_on_its_way_is_no_damage(house: Workspace):
    log = written(house)
    (log / f".{6:020d}.json.0a1b.tmp").write_bytes(b"")

    assert first_damage(house, NAME) is None


@pytest.mark.parametrize("kind", KINDS)
def test_a_repair_goes_back_and_uses_no_version_twice(house: Workspace, kind: str):
    log = written(house, checkpoint=2)
    kept = (log / f"{5:020d}.json").read_bytes()
    damage(log, 4, kind)

    would, done = planned(house, NAME), repair(house, NAME)

    assert (would.to, would.last, [entry.state for entry in would.taken_back]) == (3, 5, [kind, "good"])
    assert done.taken_back == would.taken_back
    assert (version_of(house, NAME), rows(house)) == (5, [0, 1, 2, 3])
    assert [commit.operation for commit in history(house, NAME, 3)] == ["REPAIR", "REPAIR", "WRITE"]
    assert (Path(done.aside) / f"{5:020d}.json").read_bytes() == kept
    assert (planned(house, NAME), repair(house, NAME)) == (None, None)
    written(house, commits=1)
    assert (version_of(house, NAME), rows(house)) == (6, [0, 0, 1, 2, 3])


def test_a_repair_goes_back_further_where_it_is_told_to(house: Workspace):
    log = written(house, checkpoint=2)
    damage(log, 4, "torn")

    with pytest.raises(LakehouseError, match=r"cannot go back to version 4\. The last good version is 3\."):
        planned(house, NAME, 4)
    repair(house, NAME, 1)

    assert (version_of(house, NAME), rows(house)) == (5, [0, 1])


def test_where_no_version_is_good_the_folder_must_come_from_a_copy(house: Workspace):
    log = written(house, commits=2)
    damage(log, 0, "empty")

    with pytest.raises(DamagedLogError) as raised:
        repair(house, NAME)

    assert str(raised.value) == (
        f"silver.things was not read or written: entry 0 of its log is empty ({log}/{0:020d}.json).\n"
        "No version before it is left. Restore the table's folder from a copy."
    )


def test_no_repair_beside_a_server(workspace: Workspace):
    with pytest.raises(WorkspaceBusyError):
        repair(workspace, "silver.nowhere")


def test_the_command_says_what_it_would_do_and_does_it(house: Workspace, monkeypatch: pytest.MonkeyPatch):
    log = written(house)
    monkeypatch.setenv("LAKEHOUSE_HOME", str(house.home))
    monkeypatch.setenv("LAKEHOUSE_WAREHOUSE", house.warehouse)
    assert lakehouse("repair", NAME) == (0, f"The log of {NAME} is whole: nothing to repair.\n", "")
    damage(log, 4, "torn")

    for_programs = lakehouse("repair", NAME, "--json")
    told, done = lakehouse("repair", NAME), lakehouse("repair", NAME, "--yes")

    answer = json.loads(for_programs[1])
    assert (for_programs[0], answer["repaired"], answer["plan"]["to"], answer["plan"]["last"]) == (2, False, 3, 5)
    assert [(entry["version"], entry["state"]) for entry in answer["plan"]["taken_back"]] == [(4, "torn"), (5, "good")]
    assert [entry["commit"] is None for entry in answer["plan"]["taken_back"]] == [True, False]
    assert (told[0], [line.split()[:2] for line in told[1].splitlines()[2:4]]) == (2, [["4", "torn"], ["5", "good"]])
    assert told[1].splitlines()[4:] == [
        f"`lakehouse repair {NAME} --yes` takes these back: {NAME} has the rows of version 3 then, as",
        f"version 5. The entries are kept in {log.parent}/_damaged. Nothing was done.",
    ]
    assert (done[0], f"{NAME} has the rows of version 3, as version 5." in done[1]) == (0, True)
    assert lakehouse("repair", "silver.thing") == (
        1,
        "",
        f"silver.thing does not exist in {house.warehouse} (did you mean `{NAME}`?)\n",
    )


def lakehouse(*arguments: str) -> tuple[int, str, str]:
    command = [Path(sys.executable).parent / "lakehouse", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("kind", KINDS)
def test_spark_reads_and_writes_on_after_a_repair_of_its_own_table(
    house: Workspace, workspace: Workspace, spark: Any, fresh: Any, kind: str
):
    """The table is copied, as one that the engine has not in its memory."""
    import shutil

    name = fresh("silver")
    spark.sql(f"CREATE DATABASE IF NOT EXISTS silver LOCATION '{workspace.warehouse}/silver'")
    spark.sql(
        f"CREATE TABLE {name} (id INT) USING DELTA TBLPROPERTIES "
        "('delta.enableChangeDataFeed' = 'true', 'delta.enableInCommitTimestamps' = 'true')"
    )
    for number in range(4):
        spark.sql(f"INSERT INTO {name} VALUES ({number})")
    shutil.copytree(workspace.table_path(name), house.table_path(name))
    path = house.table_path(name)
    damage(Path(path) / "_delta_log", 3, kind)

    repair(house, name)

    table = f"delta.`{path}`"
    assert sorted(row[0] for row in spark.sql(f"SELECT id FROM {table}").collect()) == [0, 1]
    spark.sql(f"INSERT INTO {table} VALUES (7)")
    assert sorted(row[0] for row in spark.sql(f"SELECT id FROM {table}").collect()) == [0, 1, 7]
    operations = [row["operation"] for row in spark.sql(f"DESCRIBE HISTORY {table}").collect()]
    assert (version_of(house, name), operations[:4]) == (5, ["WRITE", "REPAIR", "REPAIR", "WRITE"])
    changed = spark.sql(f"SELECT id FROM table_changes_by_path('{path}', 3)").collect()
    assert [row[0] for row in changed] == [7]
    entry = json.loads((Path(path) / "_delta_log" / f"{4:020d}.json").read_text())["commitInfo"]
    assert entry["operationParameters"] == {"takenBackTo": "2"}
