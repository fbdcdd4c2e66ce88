"""`ops.checks`: its files are joined, and no result is there twice or lost, whatever is done again."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lakehouse.delta.history import history, open_table, version_of
from lakehouse.delta.tables import Tables
from lakehouse.locks.table_lock import table_lock
from lakehouse.maintenance import Limits
from lakehouse.quality.judge import CheckResult
from lakehouse.settings import load
from lakehouse.workspace import Workspace
from lakehouse.write.ops_checks import CHECKS, audited, record
from tests.library.maintenance.limits import FEW

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


ASSET = "silver.things"


@pytest.fixture
def house(tmp_path: Path) -> Workspace:
    """A workspace without any server; its `ops.checks` is there and empty."""
    import pyarrow as pa
    from deltalake import DeltaTable, write_deltalake

    workspace = Workspace(load().model_copy(update={"home": tmp_path, "warehouse": None}))
    types = {"string": pa.string(), "bigint": pa.int64(), "boolean": pa.bool_(), "timestamp": pa.timestamp("us", "UTC")}
    schema = pa.schema([(column.name, types[column.type]) for column in CHECKS.columns])
    delta = DeltaTable.create(
        workspace.table_path(CHECKS.name), schema=schema, configuration={"delta.enableChangeDataFeed": "true"}
    )
    # A table of one commit may be one whose creation was cut short: the catalogue would be asked.
    write_deltalake(delta, schema.empty_table(), mode="append")
    return workspace


def put(house: Workspace, version: int | None, run: str, limits: Limits = FEW, results: Any = RESULTS) -> None:
    nobody: Any = None
    record(Tables(house), nobody, ASSET, results, run_id=run, version=version, limits=limits)


def rows(house: Workspace) -> list[tuple[Any, ...]]:
    names = ["run_id", "table_version", "check_name", "unexpected_count"]
    delta = open_table(house, CHECKS.name)
    assert delta is not None
    records = delta.to_pyarrow_table(columns=names).to_pylist()
    return sorted((tuple(row[name] for name in names) for row in records), key=str)


def test_results_are_joined_and_stay(house: Workspace):
    for version in range(12):
        put(house, version, f"run{version}")
    delta = open_table(house, CHECKS.name)

    assert len(delta.file_uris()) < 4
    assert any(commit.note.upkeep for commit in history(house, CHECKS.name, 3))
    assert len(rows(house)) == 24
    assert [(check.name, check.unexpected_count) for check in audited(house, ASSET, 5, None)] == [("a", 0), ("b", 3)]
    assert audited(house, ASSET, 99, None) == ()


def test_what_is_done_again_after_a_compaction_is_not_there_twice(house: Workspace):
    for version in range(4):
        put(house, version, f"run{version}", NEVER)
    put(house, None, "refused", NEVER)
    put(house, 4, "last", FEW)
    before, latest = rows(house), version_of(house, CHECKS.name)

    for version in range(4):
        put(house, version, f"run{version}", NEVER)
    put(house, None, "refused", NEVER)

    assert rows(house) == before
    assert version_of(house, CHECKS.name) == latest


def test_other_rules_of_the_same_run_are_recorded(house: Workspace):
    for version in range(4):
        put(house, version, "run")
    put(house, 0, "run", results=(replace(RESULT, name="c"),))
    put(house, 1, "run", results={"2026-01-01": RESULTS})

    assert len(rows(house)) == 4 * 2 + 1 + 2
    assert sorted(check.name for check in audited(house, ASSET, 0, None)) == ["a", "b", "c"]


def test_one_process_joins_at_a_time(house: Workspace):
    put(house, 0, "run", NEVER)
    latest = version_of(house, CHECKS.name)
    with table_lock(house, CHECKS.name):
        for version in range(1, 5):
            put(house, version, "run", FEW)

    commits = history(house, CHECKS.name, version_of(house, CHECKS.name) - latest)
    assert not any(commit.note.upkeep for commit in commits)
    assert len(rows(house)) == 10
