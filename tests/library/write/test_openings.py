"""How often a table is opened: each opening reads its log anew, so a run opens each table once and hands it down."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import deltalake
import pyarrow as pa
import pytest

from lakehouse.answers.tables import overview
from lakehouse.declare.column import Column
from lakehouse.declare.table import Table, quarantine_of
from lakehouse.declare.write_modes import Append, Merge, Overwrite, ReplacePartitions, Scd2, WriteMode
from lakehouse.delta.history import version_of
from lakehouse.delta.tables import Tables
from lakehouse.errors import DamagedLogError
from lakehouse.quality.judge import CheckResult
from lakehouse.runs.run import run
from lakehouse.settings import load
from lakehouse.workspace import Workspace
from lakehouse.write.ops_checks import CHECKS, record
from tests.library.door import COLUMNS, Door

BETWEEN = {
    "type": "expect_column_values_to_be_between",
    "kwargs": {"column": "value", "max_value": 10, "mostly": 0.1},
    "severity": "critical",
    "meta": {},
}
DAYS = (*COLUMNS, Column("day", "string", "UTC date"))
Counting = Callable[[], AbstractContextManager[Counter[str]]]


@pytest.fixture
def counting(monkeypatch: pytest.MonkeyPatch) -> Counting:
    """Counts every construction of a `deltalake.DeltaTable`, whoever makes it, by `layer/entities`."""
    real = deltalake.DeltaTable.__init__

    @contextmanager
    def count() -> Iterator[Counter[str]]:
        openings: Counter[str] = Counter()

        def counted(self: Any, table_uri: Any, *given: Any, **named: Any) -> None:
            openings["/".join(Path(str(table_uri)).parts[-2:])] += 1
            real(self, table_uri, *given, **named)

        with monkeypatch.context() as patch:
            patch.setattr(deltalake.DeltaTable, "__init__", counted)
            yield openings

    return count


def folder(name: str) -> str:
    return name.replace(".", "/")


def test_an_unchanged_run_opens_each_table_that_it_touches_once(door: Door, counting: Counting, at: Any):
    days = Table(door.table().name, columns=DAYS, grain="x", write=ReplacePartitions(), partitioned_by=("day",))
    source, target = door.table(), door.table()
    door.write(source, door.rows((1, "a", 1, at(1))))
    door.write(days, door.rows((2, "b", 2, at(1), "1"), table=days))
    reads = {"raw": source.changes(), "whole": source, "days": days.by_partition()}

    def make() -> Any:
        return run(door.connection, target, lambda **frames: frames["raw"], reads, code="the same")

    make()

    with counting() as openings:
        done = make()

    assert done.unchanged
    assert openings == {folder(table.name): 1 for table in (source, days, target)}


@pytest.mark.parametrize(
    "mode",
    [Append(), Overwrite(), Merge(on=("id",), sequence=("sent_at",)), Scd2(on=("id",), sequence=("sent_at",))],
    ids=lambda mode: type(mode).__name__,
)
def test_a_publish_opens_the_table_its_quarantine_and_the_checks_once(
    door: Door, counting: Counting, at: Any, mode: WriteMode
):
    table = door.table(mode)
    door.suite(table, BETWEEN)
    door.write(table, door.rows((1, "a", 1, at(1)), (2, "b", 200, at(1))))

    with counting() as openings:
        done = door.write(table, door.rows((1, "a", 3, at(2)), (3, "c", 300, at(2))))

    assert (done.published, done.quarantined) == (1, 1)
    assert openings == {folder(name): 1 for name in (table.name, quarantine_of(table.name), CHECKS.name)}
    assert openings.total() <= 3


def test_a_run_that_publishes_opens_its_input_beside(door: Door, counting: Counting, at: Any):
    source, target = door.table(), door.table()
    door.suite(target, BETWEEN)
    door.write(source, door.rows((1, "a", 1, at(1))))
    run(door.connection, target, lambda raw: raw, {"raw": source.changes()}, code="the same")
    door.write(source, door.rows((2, "b", 2, at(1))))

    with counting() as openings:
        done = run(door.connection, target, lambda raw: raw, {"raw": source.changes()}, code="the same")

    assert done.published == 1
    assert openings == {folder(name): 1 for name in (source.name, target.name, CHECKS.name)}


@pytest.fixture
def house(tmp_path: Path) -> Workspace:
    """Eight tables without any server; two have rows in quarantine, and one was audited past the door."""
    workspace = Workspace(load().model_copy(update={"home": tmp_path, "warehouse": None}))
    for place in range(8):
        layer = ("bronze", "silver", "gold", "ml")[place % 4]
        deltalake.write_deltalake(
            workspace.table_path(f"{layer}.t{place}"), pa.table({"id": pa.array(range(place), pa.int64())})
        )
    for name in ("bronze.t0", "silver.t1"):
        path = workspace.table_path(quarantine_of(name))
        for states in (["waiting", "waiting", "discarded"], ["replayed", None]):
            deltalake.write_deltalake(path, pa.table({"_state": pa.array(states, pa.string())}), mode="append")
    kinds = {"string": pa.string(), "bigint": pa.int64(), "boolean": pa.bool_(), "timestamp": pa.timestamp("us", "UTC")}
    schema = pa.schema([(column.name, kinds[column.type]) for column in CHECKS.columns])
    deltalake.DeltaTable.create(workspace.table_path(CHECKS.name), schema=schema)
    # A table of one commit may be one whose creation was cut short: the catalogue would be asked.
    deltalake.write_deltalake(workspace.table_path(CHECKS.name), schema.empty_table(), mode="append")
    result = CheckResult("a", "a", "dbt_test", None, "critical", success=True)
    nobody: Any = None
    record(Tables(workspace), nobody, "gold.t2", [result], run_id="r", version=0)
    return workspace


def test_eight_tables_at_a_glance_are_opened_once_each(house: Workspace, counting: Counting):
    with counting() as openings:
        lines = {line.name: line for line in overview(house)}

    assert len(lines) == 8
    assert openings.total() <= 8
    assert set(openings.values()) == {1}
    assert (lines["silver.t1"].quarantined, lines["silver.t5"].quarantined) == (3, 0)
    assert (lines["gold.t2"].checks, lines["gold.t2"].checks_passed, lines["gold.t6"].checks) == (1, 1, 0)
    assert [lines[f"{layer}.t{place}"].rows for place, layer in enumerate(("bronze", "silver", "gold"))] == [0, 1, 2]


def test_the_latest_version_is_read_without_opening_the_table_again(house: Workspace, counting: Counting):
    tables = Tables(house)

    with counting() as openings:
        first = tables.opened("ml.t3").version()
        deltalake.write_deltalake(house.table_path("ml.t3"), pa.table({"id": pa.array([9], pa.int64())}), mode="append")
        seen = tables.opened("ml.t3").version()
        latest = tables.latest("ml.t3").version()

    assert (first, seen, latest) == (0, 0, 1) == (0, 0, version_of(house, "ml.t3"))
    assert openings["ml/t3"] <= 2  # one of them is the other writer's


def test_a_table_that_is_not_there_costs_no_opening(house: Workspace, counting: Counting):
    with counting() as openings:
        assert Tables(house).latest("silver.nothing") is None

    assert openings.total() == 0


def test_a_table_that_was_dropped_meanwhile_is_none(house: Workspace):
    import shutil

    tables = Tables(house)
    tables.opened("ml.t3")
    shutil.rmtree(house.table_path("ml.t3"))

    assert tables.latest("ml.t3") is None


@pytest.mark.parametrize("body", [b"", b'{"commitInfo": {"timest'], ids=["empty", "torn"])
def test_damage_that_came_meanwhile_is_named(house: Workspace, body: bytes):
    tables = Tables(house)
    tables.opened("ml.t3")
    (Path(house.table_path("ml.t3")) / "_delta_log" / f"{1:020d}.json").write_bytes(body)

    with pytest.raises(DamagedLogError) as error:
        tables.latest("ml.t3")

    assert "ml.t3" in str(error.value)
