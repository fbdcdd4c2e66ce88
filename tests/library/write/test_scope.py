"""What an expectation speaks of: the rows that came, or the table as it is with them, whatever the write mode."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from lakehouse.answers.tables import table_line
from lakehouse.dagster.checks import check_result
from lakehouse.declare.table import Table, quarantine_of
from lakehouse.declare.write_modes import Append, Merge, Overwrite, ReplacePartitions, Scd2, WriteMode
from lakehouse.delta.history import version_of
from lakehouse.errors import AuditFailedError, InvalidKeyError, SuiteError
from lakehouse.quality.results import CheckResult
from lakehouse.runs.plan import Extent
from lakehouse.runs.replay import fix, replay
from lakehouse.runs.run import run
from lakehouse.write.batch import Published
from tests.library.door import Door

ROWS = {"type": "expect_table_row_count_to_be_between", "kwargs": {"min_value": 3}, "severity": "critical"}
SUM = {"type": "expect_column_sum_to_be_between", "kwargs": {"column": "value", "min_value": 0}, "severity": "info"}
IDS = {
    "type": "expect_column_unique_value_count_to_be_between",
    "kwargs": {"column": "id", "min_value": 0},
    "severity": "info",
}
SMALL = {
    "type": "expect_column_values_to_be_between",
    "kwargs": {"column": "value", "max_value": 10, "mostly": 0.0},
    "severity": "critical",
}
OF_TABLE = {"meta": {"scope": "table"}}
MERGE = Merge(on=("id",), sequence=("sent_at",), delete_when="name = 'gone'")


def named(done: Published | AuditFailedError) -> dict[str, CheckResult]:
    results = done.checks if isinstance(done, Published) else done.results
    return {result.type.removeprefix("expect_"): result for result in results}


def test_a_replay_of_one_row_is_not_judged_by_a_rule_on_the_batch(door: Door, at: Any):
    table = door.table()
    door.suite(table, ROWS, SMALL)
    door.write(table, door.rows(*((number, "a", number, at(1)) for number in range(3)), (9, "b", 200, at(1))))
    fix(door.connection, table, {"value": "2"})

    done = replay(door.connection, table)

    assert done.published == 1
    # It still says how many rows the last batch had.
    rows = named(done)["table_row_count_to_be_between"]
    assert (rows.observed, rows.scope, rows.success) == (4, "batch", True)


@pytest.mark.parametrize("mode", [Append(), MERGE], ids=["append", "merge"])
def test_no_row_is_no_batch_to_judge(door: Door, mode: WriteMode):
    table = door.table(mode)
    door.suite(table, ROWS | {"meta": {"scope": "batch"}})
    done = door.write(table, door.rows())
    rows = named(done)["table_row_count_to_be_between"]
    assert (rows.success, rows.observed) == (True, "not judged: no row came")


def test_no_row_in_place_of_all_is_judged(door: Door, at: Any):
    table = door.table(Overwrite())
    door.suite(table, ROWS)
    door.write(table, door.rows(*((number, "a", 1, at(1)) for number in range(3))))
    with pytest.raises(AuditFailedError, match="row_count"):
        door.write(table, door.rows())
    assert len(door.read(table.name)) == 3


@pytest.mark.parametrize("mode", [MERGE, Scd2(on=("id",), sequence=("sent_at",))], ids=["merge", "history"])
def test_a_correction_of_a_keyed_table_is_judged_by_the_table_that_it_makes(door: Door, at: Any, mode: WriteMode):
    table = door.table(mode)
    door.suite(table, ROWS, SUM, IDS)
    door.write(table, door.rows(*((number, "a", 1, at(1)) for number in range(4))))

    done = door.write(table, door.rows((1, "b", 5, at(2))))

    results = named(done)
    assert {name: result.scope for name, result in results.items()} == {
        "declared_not_null": "batch",
        "table_row_count_to_be_between": "table",
        "column_sum_to_be_between": "table",
        "column_unique_value_count_to_be_between": "table",
    }
    assert results["column_unique_value_count_to_be_between"].observed == 4
    assert results["column_sum_to_be_between"].observed == (8 if isinstance(mode, Merge) else 9)


def test_a_table_that_a_batch_would_break_is_not_published(door: Door, at: Any):
    table = door.table(MERGE)
    door.suite(table, ROWS)
    door.write(table, door.rows(*((number, "a", 1, at(1)) for number in range(3))))

    with pytest.raises(AuditFailedError, match="table: row_count_between") as refused:
        door.write(table, door.rows((1, "gone", 1, at(2)), (2, "a", 7, at(2))))

    assert named(refused.value)["table_row_count_to_be_between"].observed == 2
    assert (version_of(door.workspace, table.name), len(door.read(table.name))) == (1, 3)


def test_a_rule_on_rows_can_speak_of_the_table(door: Door, at: Any):
    table = door.table()
    unique = {"type": "expect_column_values_to_be_unique", "kwargs": {"column": "id"}, "severity": "critical"}
    door.suite(table, unique | OF_TABLE, ROWS | OF_TABLE)
    door.write(table, door.rows(*((number, "a", 1, at(1)) for number in range(3))))
    assert named(door.write(table, door.rows((7, "a", 1, at(1)))))["table_row_count_to_be_between"].observed == 4

    with pytest.raises(AuditFailedError, match="unique"):
        door.write(table, door.rows((2, "again", 1, at(2))))

    assert len(door.read(table.name)) == 4


def test_the_scope_is_shown_by_dagster_the_checks_and_the_tables(door: Door, at: Any):
    table = door.table(MERGE)
    door.suite(table, ROWS, SMALL)
    done = door.write(table, door.rows(*((number, "a", 1, at(1)) for number in range(3))), run=f"of_{table.entity}")
    shown = check_result(table.name, named(done)["table_row_count_to_be_between"])
    assert shown.metadata["scope"].value == "table"
    kept = (
        door.spark.table("ops.checks").where(f"run_id = 'of_{table.entity}'").select("expectation", "scope").collect()
    )
    scopes = {row[0].removeprefix("expect_"): row[1] for row in kept}
    assert (scopes["table_row_count_to_be_between"], scopes["column_values_to_be_between"]) == ("table", "batch")
    line = table_line(door.workspace, table.name)
    assert (line.checks_passed, line.checks, line.checks_of_table) == (len(scopes), len(scopes), 1)


def test_another_word_is_no_scope(door: Door):
    table = door.table()
    door.suite(table, ROWS | {"meta": {"scope": "rows"}})
    with pytest.raises(SuiteError, match="`scope` in its meta is `batch` or `table`, got `rows`"):
        door.write(table, door.rows((1, "a", 1, None)))


MODES: dict[str, WriteMode] = {
    "append": Append(),
    "overwrite": Overwrite(),
    "partitions": ReplacePartitions(),
    "merge": MERGE,
    "upsert": Merge(on=("id",)),
    "history": Scd2(on=("id",), sequence=("sent_at",), delete_when="name = 'gone'"),
}
CHANGE = st.tuples(st.integers(1, 4), st.sampled_from(["a", "b", "gone"]), st.integers(1, 12), st.integers(1, 5))
BATCHES = st.lists(
    st.tuples(st.lists(CHANGE, max_size=5, unique_by=lambda change: change[0]), st.booleans()), min_size=2, max_size=3
)


@pytest.mark.parametrize("mode", MODES)
@settings(
    max_examples=3, deadline=None, phases=(Phase.explicit, Phase.generate), suppress_health_check=list(HealthCheck)
)
@given(batches=BATCHES)
@pytest.mark.slow
def test_what_is_judged_is_what_the_table_is_then(door: Door, at: Any, mode: str, batches: list[Any]):
    table = of_mode(door, mode)
    every = [ROWS | {"severity": "info"} | OF_TABLE, SUM | OF_TABLE, IDS | OF_TABLE, SMALL]
    door.suite(table, *every)
    for number, (rows, is_full) in enumerate(batches):
        full = is_full and number > 0
        frame = door.rows(*((*row[:3], at(row[3])) for row in rows))
        check(
            door, table, run(door.connection, table, lambda f=frame: f, {}, code=f"{number}", extent=Extent(full=full))
        )
    if fix(door.connection, table, {"value": "3"}):
        waiting = door.spark.table(quarantine_of(table.name)).where("_state = 'waiting'").select("id").collect()
        # Two rejected rows of one key cannot be told apart if no sequence is declared.
        if mode == "upsert" and len(set(waiting)) < len(waiting):
            with pytest.raises(InvalidKeyError, match="expected one row per key in a batch"):
                replay(door.connection, table)
        else:
            check(door, table, replay(door.connection, table))


def of_mode(door: Door, mode: str) -> Table:
    by_name = {"partitioned_by": ("name",)} if mode == "partitions" else {}
    return replace(door.table(), write=MODES[mode], max_rejected=1.0, **by_name)


def check(door: Door, table: Table, done: Published) -> None:
    sql = f"SELECT count(*), sum(value), count(DISTINCT id) FROM {table.name}"
    (stored,) = door.spark.sql(sql).collect()
    results = named(done)
    asked = [
        results[name]
        for name in (
            "table_row_count_to_be_between",
            "column_sum_to_be_between",
            "column_unique_value_count_to_be_between",
        )
    ]
    assert {result.scope for result in asked} == {"table"}
    assert tuple(result.observed for result in asked) == tuple(stored)
