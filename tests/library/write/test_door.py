"""What the door promises, through the real engine."""

from dataclasses import replace

import pytest
from pyspark.sql import functions as F

from lakehouse.declare.table import quarantine_of
from lakehouse.declare.write_modes import Append, Merge, Overwrite, Scd2
from lakehouse.delta.history import history, open_table
from lakehouse.delta.note import RowCounts
from lakehouse.delta.tables import Tables
from lakehouse.errors import AuditFailedError, InvalidKeyError, SchemaMismatchError
from lakehouse.storage import list_files
from lakehouse.write.intent import open_intent
from lakehouse.write.stage import AUDIT, BAD
from tests.library.door import Door

BETWEEN = {
    "type": "expect_column_values_to_be_between",
    "kwargs": {"column": "value", "min_value": 0, "max_value": 10},
    "severity": "critical",
}

# --- shape ---


def test_a_frame_of_another_shape_is_refused_with_every_problem_and_the_near_miss(door: Door):
    table = door.table()
    frame = door.spark.sql("SELECT 1 AS id, 'a' AS nane, 2.5D AS value, current_timestamp() AS sent_at, 1 AS extra")

    with pytest.raises(SchemaMismatchError) as error:
        door.write(table, frame)

    assert str(error.value) == (
        f"{table.name} was not written, it stays at version 0.\n"
        "  id  expected bigint, got int\n"
        "  name  expected string, got nothing (did you mean `nane`?)\n"
        "  value  expected int, got double\n"
        "  extra  expected no such column, got int\n"
        f"Cast or rename in assets/{table.name.replace('.', '/')}.py, "
        "or change the Table there if the source really changed."
    )
    assert open_table(door.workspace, table.name).version() == 0


# --- append and overwrite ---


def test_an_append_adds_the_rows_in_one_commit_that_explains_itself(door: Door):
    table = door.table()

    first = door.write(table, door.rows((1, "a", 1, None), (2, "b", 2, None)))
    second = door.write(table, door.rows((3, "c", 3, None)))

    assert (first.version, first.rows_in, first.published) == (1, 2, 2)
    assert second.version == 2
    assert door.read(table.name) == [(1, "a", 1), (2, "b", 2), (3, "c", 3)]
    commit = history(door.workspace, table.name)[0]
    assert commit.version == 2
    assert commit.note.asset == table.name
    assert commit.note.rows == RowCounts(came=1, quarantined=0, superseded=0)


def test_an_overwrite_replaces_everything(door: Door):
    table = door.table(Overwrite())
    door.write(table, door.rows((1, "a", 1, None), (2, "b", 2, None)))

    done = door.write(table, door.rows((9, "z", 9, None)))

    assert done.version == 2
    assert door.read(table.name) == [(9, "z", 9)]


def test_an_overwrite_by_no_rows_empties_the_table(door: Door):
    table = door.table(Overwrite())
    door.write(table, door.rows((1, "a", 1, None)))

    done = door.write(table, door.rows())

    assert (done.version, done.rows_in) == (2, 0)
    assert door.read(table.name) == []


def test_the_rows_that_are_judged_are_the_rows_that_are_published(door: Door):
    table = replace(door.table(), max_rejected=1.0)
    door.suite(table, BETWEEN | {"kwargs": BETWEEN["kwargs"] | {"max_value": 499, "mostly": 0.01}})
    frame = door.spark.range(2000).select(
        "id",
        F.lit("r").alias("name"),
        (F.rand() * 1000).cast("int").alias("value"),
        F.lit(None).cast("timestamp").alias("sent_at"),
    )

    done = door.write(table, frame)

    published = door.spark.table(table.name)
    assert published.where("value > 499").count() == 0
    assert done.published == published.count()
    assert done.quarantined == door.spark.table(quarantine_of(table.name)).count() == 2000 - done.published


@pytest.mark.parametrize("mode", [Append(), Overwrite(), Merge(on=("id",)), Scd2(on=("id",), sequence=("sent_at",))])
def test_a_frame_with_a_function_is_computed_once(door: Door, tmp_path, at, mode):
    """The function leaves a file for each row that it sees; two files for one row would be a second computation."""
    table = door.table(mode)
    door.suite(table, BETWEEN | {"kwargs": BETWEEN["kwargs"] | {"mostly": 0.1}})

    @F.udf("int")
    def seen(key: int) -> int:
        import uuid
        from pathlib import Path

        Path(f"{tmp_path}/{key}-{uuid.uuid4().hex}.seen").touch()
        return key % 20

    frame = door.spark.range(50).select(
        "id", F.lit("n").alias("name"), seen("id").alias("value"), F.lit(at(1)).alias("sent_at")
    )
    done = door.write(table, frame)

    assert (done.rows_in, done.published) == (50, 32)
    assert len(list(tmp_path.glob("*.seen"))) == 50


# --- merge ---


def test_a_merge_keeps_the_newest_of_each_key_within_the_batch_and_against_the_table(door: Door, at):
    table = door.table(Merge(on=("id",), sequence=("sent_at",)))

    first = door.write(
        table, door.rows((1, "new", 2, at(5)), (1, "old", 1, at(1)), (2, "b", 2, at(1)), (2, "b", 2, at(1)))
    )
    late = door.write(table, door.rows((1, "older still", 0, at(3)), (2, "newer", 3, at(9))))

    assert (first.rows_in, first.published, first.deduplicated) == (4, 2, 2)
    assert (late.rows_in, late.published, late.deduplicated) == (2, 1, 1)
    assert door.read(table.name) == [(1, "new", 2), (2, "newer", 3)]


def test_a_broken_correction_is_quarantined_and_the_good_older_row_stays(door: Door, at):
    table = door.table(Merge(on=("id",), sequence=("sent_at",)))
    door.suite(table, BETWEEN | {"kwargs": BETWEEN["kwargs"] | {"mostly": 0.1}})

    done = door.write(table, door.rows((1, "good", 5, at(1)), (1, "broken", 400, at(9))))

    assert (done.published, done.quarantined, done.deduplicated) == (1, 1, 0)
    assert door.read(table.name) == [(1, "good", 5)]


def test_a_null_key_is_quarantined(door: Door, at):
    table = door.table(Merge(on=("id",), sequence=("sent_at",)))

    done = door.write(table, door.rows((None, "nobody", 5, at(1)), (1, "a", 1, at(1))))

    assert (done.published, done.quarantined) == (1, 1)
    rejected = door.spark.table(quarantine_of(table.name)).collect()
    assert [row["_broken_rules"] for row in rejected] == [["id: not_null (declared)"]]


def test_two_rows_of_one_key_without_a_declared_order_are_refused(door: Door):
    table = door.table(Merge(on=("id",)))

    with pytest.raises(InvalidKeyError) as error:
        door.write(table, door.rows((1, "a", 1, None), (1, "b", 2, None)))

    assert str(error.value) == (
        f"{table.name} was not written, it stays at version 0.\n"
        "  id  expected one row per key in a batch, got 1 rows too many\n"
        "Declare `sequence=` of its Merge, so that the newest row of a key wins, or make the transform give one."
    )


def test_writing_the_same_batch_again_changes_no_row(door: Door, at):
    table = door.table(Merge(on=("id",), sequence=("sent_at",)))
    batch = ((1, "a", 1, at(1)), (2, "b", 2, at(2)))
    door.write(table, door.rows(*batch))
    before = door.read(table.name)

    again = door.write(table, door.rows(*batch))

    assert door.read(table.name) == before
    assert (again.published, again.deduplicated) == (0, 2)


# --- verdicts ---


def test_a_critical_failure_blocks_and_the_old_version_stays(door: Door):
    table = door.table()
    door.suite(table, BETWEEN)
    door.write(table, door.rows((1, "a", 1, None)))

    with pytest.raises(AuditFailedError) as error:
        door.write(table, door.rows((2, "b", 1_999_888_777, None), (3, "c", 3, None)))

    assert f"{table.name} was not published, it stays at version 1." in str(error.value)
    assert "1 of 2 rows" in str(error.value)
    assert "1999888777" not in str(error.value)
    assert door.read(table.name) == [(1, "a", 1)]
    # What it was refused for can be looked at, and comes again.
    kept = door.spark.table(quarantine_of(table.name)).select("id", "_state").collect()
    assert [tuple(row) for row in kept] == [(2, "withheld")]
    assert list_files(f"{door.workspace.table_path(table.name)}/run-") == []


def test_failing_rows_of_a_rule_that_holds_mostly_go_to_quarantine_with_the_rule(door: Door):
    table = door.table()
    door.suite(table, BETWEEN | {"kwargs": BETWEEN["kwargs"] | {"mostly": 0.5}})

    done = door.write(table, door.rows((1, "a", 1, None), (2, "b", 2, None), (3, "c", 400, None)), run="abcdef")

    assert (done.published, done.quarantined) == (2, 1)
    assert door.read(table.name) == [(1, "a", 1), (2, "b", 2)]
    rejected = door.spark.table(quarantine_of(table.name)).collect()
    assert [(row["id"], row["_run_id"], len(row["_broken_rules"])) for row in rejected] == [(3, "abcdef", 1)]
    assert all(check.success for check in done.checks)


def test_a_warning_is_recorded_and_stops_nothing(door: Door):
    table = door.table()
    door.suite(table, BETWEEN | {"severity": "warning"})

    done = door.write(table, door.rows((1, "a", 400, None)))

    assert (done.published, done.quarantined) == (1, 0)
    assert [check.success for check in done.checks if check.type == BETWEEN["type"]] == [False]
    recorded = (
        door.spark.table("ops.checks").where(F.col("asset") == table.name).select("is_success", "severity").collect()
    )
    assert ("warning", False) in {(row["severity"], row["is_success"]) for row in recorded}


# --- crashes ---


@pytest.mark.parametrize(
    "mode",
    [
        pytest.param(None, id="append", marks=pytest.mark.slow),
        pytest.param(Overwrite(), id="overwrite", marks=pytest.mark.slow),
        pytest.param(Merge(on=("id",), sequence=("sent_at",)), id="merge"),
    ],
)
@pytest.mark.parametrize(
    "crash", ["retried", "prepare_position", "_publish", "sync", "record", "close_intent", "forget_positions"]
)
def test_a_crash_after_the_decision_is_finished_by_the_next_run(door: Door, at, monkeypatch, mode, crash):
    """Each step after the intent is cut off in turn; what the next run finds is finished once, without a frame."""
    import lakehouse.write.door as module

    table = door.table(mode)
    door.suite(table, BETWEEN | {"kwargs": BETWEEN["kwargs"] | {"mostly": 0.3}})
    door.write(table, door.rows((1, "a", 1, at(1)), (7, "x", 7, at(1))))
    frame = door.rows((1, "b", 2, at(2)), (2, "c", 400, at(2)))

    class PowerCut(BaseException):
        """Nothing may catch it."""

    def cut(*_: object, **__: object) -> None:
        raise PowerCut

    with monkeypatch.context() as patch:
        patch.setattr(module, crash, cut)
        with pytest.raises(PowerCut):
            door.write(table, frame)
    assert (open_intent(door.workspace, table.name) is None) == (crash == "forget_positions")

    module.recover(Tables(door.workspace), door.spark, table)

    expected = {
        None: [(1, "a", 1), (1, "b", 2), (7, "x", 7)],
        "overwrite": [(1, "b", 2)],
        "merge": [(1, "b", 2), (7, "x", 7)],
    }
    name = None if mode is None else type(mode).__name__.lower()
    assert door.read(table.name) == expected[name]
    assert door.read(quarantine_of(table.name)) == [(2, "c", 400)]
    assert open_intent(door.workspace, table.name) is None
    versions = [commit.version for commit in history(door.workspace, table.name)]
    assert versions == [2, 1, 0]
    recorded = door.spark.table("ops.checks").where((F.col("asset") == table.name) & (F.col("table_version") == 2))
    assert recorded.count() == recorded.select("check_name").distinct().count() > 0
    assert module.recover(Tables(door.workspace), door.spark, table) is None


def _decided(door: Door, table, frame, monkeypatch) -> None:
    """A run that is cut off right after its decision."""
    import lakehouse.write.door as module

    def cut(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(module, "prepare_position", cut)
        with pytest.raises(KeyboardInterrupt):
            door.write(table, frame)


def test_a_write_beside_the_runs_finishes_an_open_decision_first(door: Door, monkeypatch):
    table = door.table()
    _decided(door, table, door.rows((1, "a", 1, None)), monkeypatch)

    door.write(table, door.rows((2, "b", 2, None)))

    assert door.read(table.name) == [(1, "a", 1), (2, "b", 2)]
    assert open_intent(door.workspace, table.name) is None


def test_rejected_rows_that_are_swept_do_not_vanish_with_a_success(door: Door, monkeypatch):
    from lakehouse.errors import DecisionFailedError, StagedFilesGoneError
    from lakehouse.storage import delete_folder

    table = door.table()
    door.suite(
        table,
        {
            "type": "expect_column_values_to_be_between",
            "kwargs": {"column": "value", "max_value": 10, "mostly": 0.1},
            "severity": "critical",
        },
    )
    with monkeypatch.context() as patch:
        patch.setattr("lakehouse.write.quarantine.add", lambda *_: 1 / 0)
        with pytest.raises(DecisionFailedError, match="ZeroDivisionError"):
            door.write(table, door.rows((1, "a", 1, None), (2, "bad", 20, None)))
    delete_folder(f"{open_intent(door.workspace, table.name).staged.path}/{AUDIT}={BAD}")

    with pytest.raises(StagedFilesGoneError, match="decided about 2 rows and was cut off; 1 of them are still staged"):
        door.write(table, door.rows((3, "c", 3, None)))

    assert door.read(table.name) == []


def test_a_decision_whose_files_are_gone_is_said_and_not_half_done(door: Door, monkeypatch):
    from lakehouse.errors import StagedFilesGoneError
    from lakehouse.storage import delete_folder

    table = door.table()
    _decided(door, table, door.rows((1, "a", 1, None), (2, "b", 2, None)), monkeypatch)
    delete_folder(open_intent(door.workspace, table.name).staged.path)

    with pytest.raises(StagedFilesGoneError) as error:
        door.write(table, door.rows((3, "c", 3, None)))

    assert str(error.value).startswith(
        f"{table.name} was not written, it stays at version 0. A run decided about 2 rows and was cut off; 0 of "
    )
    assert door.read(table.name) == []
