"""A batch of which too much is rejected: nothing of it is published, the run fails, and its reasons can be read."""

from dataclasses import replace
from typing import Any

import pytest

from lakehouse.answers.row_accounts import accounts
from lakehouse.declare.column import Column
from lakehouse.declare.table import Table, quarantine_of
from lakehouse.declare.write_modes import Append, Merge, Overwrite, ReplacePartitions, WriteMode
from lakehouse.delta.history import version_of
from lakehouse.delta.partition_values import NULL_KEY
from lakehouse.errors import AuditFailedError, DeclarationError, PartitionsFailedError, TooManyRejectedError
from lakehouse.quality.results import CheckResult
from lakehouse.runs.replay import replay
from lakehouse.write import quarantine
from lakehouse.write.batch import Published
from lakehouse.write.intent import open_intent
from lakehouse.write.rejection_limit import over_limit
from tests.library.door import Door
from tests.library.write.test_positions import follower
from tests.library.write.test_rebuilds import AT_MOST_10, make

MERGE = Merge(on=("id",), sequence=("sent_at",))


def without_limit(door: Door, mode: WriteMode | None = None) -> Table:
    return replace(door.table(mode), max_rejected=1.0)


def states(door: Door, table: Table) -> dict[str, int]:
    return {state: rows for state, rows in quarantine.counts(door.workspace, table.name).items() if rows}


@pytest.mark.parametrize(
    ("declared", "rows", "refused"),
    [
        (None, {"good": 10, "bad": 10}, False),
        (None, {"good": 10, "bad": 11}, True),
        (None, {"good": 0, "bad": 19}, False),
        (None, {"good": 0, "bad": 20}, True),
        (None, {"good": 0, "superseded": 11, "bad": 10}, False),
        (0.0, {"good": 5, "bad": 1}, True),
        (0.0, {"good": 5, "bad": 0}, False),
        (1.0, {"good": 0, "bad": 99}, False),
        (0.25, {"good": 3, "bad": 1}, False),
        (None, {}, False),
    ],
)
def test_the_limit_is_half_of_twenty_rows_or_what_is_declared(declared: float | None, rows: dict, refused: bool):
    table = Table("silver.any", (Column("id", "bigint", "Key"),), "x", max_rejected=declared)
    assert (over_limit(table, rows) is not None) == refused


@pytest.mark.parametrize("share", [-0.1, 1.5, float("nan")])
def test_a_limit_that_is_no_share_is_refused_and_one_that_is_not_declared_is_no_part_of_the_declaration(share: float):
    columns = (Column("id", "bigint", "Key"),)
    with pytest.raises(DeclarationError, match="max_rejected"):
        Table("silver.any", columns, "x", max_rejected=share)
    assert "max_rejected" not in Table("silver.any", columns, "x").to_json()
    assert Table("silver.any", columns, "x", max_rejected=0.1).to_json()["max_rejected"] == 0.1


@pytest.mark.parametrize(
    "mode",
    [
        Append(),
        pytest.param(Overwrite(), marks=pytest.mark.slow),
        pytest.param(MERGE, marks=pytest.mark.slow),
    ],
    ids=["append", "overwrite", "merge"],
)
def test_a_batch_that_rejects_everything_is_refused_and_comes_again_when_the_rule_is_mended(
    door: Door, at: Any, mode: WriteMode
):
    source, target = without_limit(door), follower(mode)
    reads = {"raw": source if isinstance(mode, Overwrite) else source.changes()}
    door.write(source, door.rows((1, "a", 1, at(1))))
    make(door, target, reads)
    door.write(source, door.rows(*((number, "b", 1_999_888_000 + number, at(2)) for number in range(2, 32))))
    door.suite(target, AT_MOST_10)
    total = 31 if isinstance(mode, Overwrite) else 30

    for _ in range(2):
        with pytest.raises(TooManyRejectedError, match=f"30 of {total} rows") as refused:
            make(door, target, reads)

        assert "values_between" in str(refused.value)
        assert f"quarantine show {target.name}" in str(refused.value)
        assert "1999888" not in str(refused.value)
        assert (version_of(door.workspace, target.name), door.read(target.name)) == (1, [(1, "a", 1)])
        assert (states(door, target), open_intent(door.workspace, target.name)) == ({"withheld": 30}, None)
    rows = door.spark.table(quarantine_of(target.name)).select("_broken_rules", "_state_why", "_run_id").collect()
    assert {(row[0][0].startswith("value: values_between"), row[2] != "") for row in rows} == {(True, True)}
    assert accounts(door.workspace, target.name).add_up
    assert replay(door.connection, target).unchanged
    assert "30 rows are withheld" in replay(door.connection, target).messages[0]

    door.suite(target, AT_MOST_10 | {"kwargs": AT_MOST_10["kwargs"] | {"max_value": 1_999_888_030}})
    done = make(door, target, reads)

    assert (done.quarantined, len(door.read(target.name)), states(door, target)) == (1, 30, {"waiting": 1})
    assert accounts(door.workspace, target.name).add_up


def test_what_waited_before_waits_on_while_a_later_batch_is_withheld_and_published(door: Door, at: Any):
    source, target = without_limit(door), door.table(Append())
    door.suite(target, AT_MOST_10)
    door.write(source, door.rows((1, "a", 1, at(1)), (2, "waits", 200, at(1))))
    make(door, target, {"raw": source.changes()})
    door.write(source, door.rows(*((number, "b", 20, at(2)) for number in range(10, 40))))
    with pytest.raises(TooManyRejectedError):
        make(door, target, {"raw": source.changes()})
    assert states(door, target) == {"waiting": 1, "withheld": 30}

    door.suite(target, AT_MOST_10 | {"kwargs": AT_MOST_10["kwargs"] | {"max_value": 20}})
    done = make(door, target, {"raw": source.changes()})

    assert (done.published, states(door, target)) == (30, {"waiting": 1})
    assert [row["name"] for row in door.spark.table(quarantine_of(target.name)).collect()] == ["waits"]


def test_a_refused_batch_says_so_in_the_checks_too(door: Door, at: Any):
    target = door.table(Append())
    door.suite(target, AT_MOST_10)
    with pytest.raises(TooManyRejectedError):
        door.write(target, door.rows(*((number, "b", 20, at(2)) for number in range(25))), run="refused")
    rows = door.spark.table("ops.checks").where(f"asset = '{target.name}' AND run_id = 'refused'").collect()
    assert ("max_rejected", "critical", False, 25) in {
        (row["check_name"], row["severity"], row["is_success"], row["unexpected_count"]) for row in rows
    }


def test_a_partition_that_rejects_too_much_is_withheld_alone(door: Door, at: Any):
    by_name = {"write": ReplacePartitions(), "partitioned_by": ("name",)}
    source, target = replace(without_limit(door), **by_name), replace(door.table(), **by_name)
    door.suite(target, AT_MOST_10 | {"kwargs": AT_MOST_10["kwargs"] | {"mostly": 0.0}})
    rows = [(number, "bad", 50, at(1)) for number in range(30)]
    door.write(source, door.rows((100, "good", 1, at(1)), (101, "good", 11, at(1)), *rows, (102, None, 99, at(1))))
    reads = {"raw": source.by_partition()}

    with pytest.raises(PartitionsFailedError, match="bad: at most 50 %"):
        make(door, target, reads, partitions=["good", "bad", NULL_KEY])

    assert door.read(target.name) == [(100, "good", 1)]
    assert states(door, target) == {"waiting": 2, "withheld": 30}
    with pytest.raises(AuditFailedError, match="30 of 30 rows"):
        make(door, target, reads, partitions=["good", "bad"])
    assert states(door, target) == {"waiting": 2, "withheld": 30}
    door.write(source, door.rows((103, "good", 2, at(1))))
    make(door, target, reads, partitions=["good"])
    # The partition that was made again has taken its own waiting row back; the other one's rows are still withheld.
    assert states(door, target) == {"waiting": 1, "discarded": 1, "withheld": 30}

    door.write(source, door.rows((1, "bad", 5, at(2))))
    done = make(door, target, reads, partitions=["good", "bad"])

    assert (done.published, door.read(target.name)) == (1, [(1, "bad", 5), (103, "good", 2)])
    assert states(door, target) == {"waiting": 1, "discarded": 1}


def test_a_failed_warning_is_said(door: Door, at: Any):
    table = door.table()
    door.suite(table, AT_MOST_10 | {"severity": "warning", "kwargs": {"column": "value", "max_value": 10}})
    done = door.write(table, door.rows((1, "a", 11, at(1)), (2, "b", 1, at(1))))
    assert done.warnings == ("warning: value: values_between(,10)  expected to hold, got 1 of 2 rows against it",)
    assert done.to_json()["warnings"] == done.warnings
    passed = CheckResult("a", "a", "a", None, "warning", success=True)
    stopped = CheckResult("b", "b", "b", None, "critical", success=False)
    assert Published(table.name, 1, checks=(passed, stopped)).warnings == ()
