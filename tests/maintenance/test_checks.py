"""`ops.checks`: its files are joined, and no result is there twice or lost, whatever is done again."""

import uuid
from dataclasses import replace
from typing import Any

import pytest

from lakehouse.history import history, open_table, version_of
from lakehouse.maintenance import Limits
from lakehouse.quality.judge import CheckResult
from lakehouse.write.checks import CHECKS, audited, record
from lakehouse.write.lock import locked
from tests.maintenance.conftest import FEW
from tests.write.conftest import Door

RESULT = CheckResult(
    name="a",
    label="a",
    type="expect_column_values_to_not_be_null",
    column="id",
    severity="critical",
    success=True,
    element_count=10,
    unexpected_count=0,
    observed=None,
)
RESULTS = (RESULT, replace(RESULT, name="b", success=False, unexpected_count=3))
NEVER = Limits(files=10**9)


@pytest.fixture
def asset() -> str:
    return f"silver.a_{uuid.uuid4().hex[:10]}"


def put(door: Door, asset: str, version: int | None, run: str, limits: Limits = FEW, results: Any = RESULTS) -> None:
    record(door.workspace, door.spark, asset, results, run_id=run, version=version, limits=limits)


def rows(door: Door, asset: str) -> list[tuple[Any, ...]]:
    found = door.spark.table(CHECKS.name).where(f"asset = '{asset}'")
    return sorted(
        (tuple(row) for row in found.select("run_id", "table_version", "check_name", "unexpected_count").collect()),
        key=str,
    )


def test_results_are_joined_and_stay(door: Door, asset: str):
    for version in range(12):
        put(door, asset, version, f"run{version}")
    delta = open_table(door.workspace, CHECKS.name)

    assert len(delta.file_uris()) < 4
    assert any("upkeep" in commit.note for commit in history(door.workspace, CHECKS.name, 3))
    assert len(rows(door, asset)) == 24
    assert [(each.name, each.unexpected_count) for each in audited(door.workspace, asset, 5)] == [("a", 0), ("b", 3)]
    assert audited(door.workspace, asset, 99) == ()


def test_what_is_done_again_after_a_compaction_is_not_there_twice(door: Door, asset: str):
    for version in range(4):
        put(door, asset, version, f"run{version}", NEVER)
    put(door, asset, None, "refused", NEVER)
    put(door, asset, 4, "last", FEW)
    found, latest = rows(door, asset), version_of(door.workspace, CHECKS.name)

    for version in range(4):
        put(door, asset, version, f"run{version}", NEVER)
    put(door, asset, None, "refused", NEVER)

    assert rows(door, asset) == found
    assert version_of(door.workspace, CHECKS.name) == latest


def test_other_rules_of_the_same_run_are_recorded(door: Door, asset: str):
    for version in range(4):
        put(door, asset, version, "run")
    put(door, asset, 0, "run", results=(replace(RESULT, name="c"),))
    put(door, asset, 1, "run", results={"2026-01-01": RESULTS})

    assert len(rows(door, asset)) == 4 * 2 + 1 + 2
    assert [each.name for each in audited(door.workspace, asset, 0)] == ["a", "b", "c"]


def test_one_process_joins_at_a_time(door: Door, asset: str):
    put(door, asset, 0, "run", NEVER)
    latest = version_of(door.workspace, CHECKS.name)
    with locked(door.workspace, CHECKS.name):
        for version in range(1, 5):
            put(door, asset, version, "run", FEW)

    commits = history(door.workspace, CHECKS.name, version_of(door.workspace, CHECKS.name) - latest)
    assert not any("upkeep" in commit.note for commit in commits)
    assert len(rows(door, asset)) == 10
