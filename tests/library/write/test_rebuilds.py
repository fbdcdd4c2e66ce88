"""Made again: inputs and tables that were dropped and made anew, rebuilds in every write mode, and what reads them."""

import uuid
from collections.abc import Mapping
from typing import Any

import pytest

from lakehouse.dagster.graph import Graph, Reader
from lakehouse.dagster.order import behind
from lakehouse.declare.column import Column
from lakehouse.declare.table import Foreign, Table, quarantine_of
from lakehouse.declare.write_modes import Append, Merge, Overwrite, ReplacePartitions, Scd2, WriteMode
from lakehouse.delta.history import history, open_table
from lakehouse.delta.tables import Tables
from lakehouse.errors import AuditFailedError, ChangeFeedGoneError, DecisionFailedError
from lakehouse.quality.judge import CheckResult
from lakehouse.runs.plan import Extent
from lakehouse.runs.run import run
from lakehouse.sources.files import Lines
from lakehouse.write import quarantine
from lakehouse.write.batch import Published
from lakehouse.write.intent import open_intent
from lakehouse.write.ops_checks import record
from tests.library.door import COLUMNS, Door, only
from tests.library.write.test_positions import as_it_is, follower, forget_log

MERGE = Merge(on=("id",), sequence=("sent_at",))
AT_MOST_10 = {
    "type": "expect_column_values_to_be_between",
    "kwargs": {"column": "value", "max_value": 10, "mostly": 0.01},
    "severity": "critical",
}


def make(
    door: Door,
    table: Table,
    reads: Mapping[str, Any],
    transform: Any = as_it_is,
    *,
    full: bool = False,
    partitions: list[str] | None = None,
) -> Published:
    return run(door.connection, table, transform, reads, code="the same", extent=Extent(partitions, full))


def both(left: Any, right: Any) -> Any:
    return left.unionByName(right)


def only_raw(raw: Any, beside: Any) -> Any:
    return raw


def drop(door: Door, table: Table) -> None:
    door.spark.sql(f"DROP TABLE {table.name}")


@pytest.mark.parametrize("mode", [pytest.param(Append(), marks=pytest.mark.slow), MERGE], ids=["append", "merge"])
def test_an_input_that_was_dropped_and_made_again_is_not_unchanged(door: Door, at: Any, mode: WriteMode):
    source, target = door.table(mode), follower(mode)
    door.write(source, door.rows((1, "old", 1, at(1)), (2, "old", 2, at(1))))
    make(door, target, {"raw": source.changes()})
    drop(door, source)
    door.write(source, door.rows((2, "new", 2, at(1)), (3, "new", 3, at(1))))

    done = make(door, target, {"raw": source.changes()})

    assert door.read(target.name) == [(2, "new", 2), (3, "new", 3)]
    assert done.messages == (
        f"{source.name} was dropped and made again since it was read. All of it is read, at version 1. "
        f"The rows of {target.name} are replaced in one commit.",
    )
    assert make(door, target, {"raw": source.changes()}).unchanged


def test_a_table_as_it_is_that_was_made_again_at_the_same_version_is_read(door: Door):
    source, target = door.table(), follower(Overwrite())
    door.write(source, door.rows((1, "old", 1, None)))
    make(door, target, {"raw": source})
    drop(door, source)
    door.write(source, door.rows((2, "new", 2, None)))

    done = make(door, target, {"raw": source})

    assert door.read(target.name) == [(2, "new", 2)]
    assert done.messages == (f"{source.name} was dropped and made again since it was read.",)


def test_the_partitions_of_an_input_that_was_made_again_are_stale(door: Door):
    columns = (*COLUMNS, Column("day", "string", "UTC date"))
    source = Table(door.table().name, columns=columns, grain="x", write=Append(), partitioned_by=("day",))
    other = Table(door.table().name, columns=columns, grain="x", write=Append())
    target = Table(door.table().name, columns=columns, grain="x", write=ReplacePartitions(), partitioned_by=("day",))
    reads = {"raw": source.by_partition(), "beside": other}
    door.write(source, door.rows((1, "a", 1, None, "1"), (2, "b", 2, None, "2"), table=source))
    door.write(other, door.rows((9, "old", 9, None, "1"), table=source))
    make(door, target, reads, only_raw, partitions=["1", "2"])
    assert make(door, target, reads, only_raw, partitions=["1", "2"]).unchanged
    drop(door, other)
    door.write(other, door.rows((9, "new", 9, None, "1"), table=source))

    assert make(door, target, reads, only_raw, partitions=["1", "2"]).rows_in == 2


def test_rows_that_an_input_deleted_while_its_feed_was_lost_do_not_stay(door: Door, at: Any):
    source, target = door.table(MERGE), follower(MERGE)
    door.write(source, door.rows((1, "a", 1, at(1)), (2, "b", 2, at(1)), (3, "c", 3, at(1))))
    make(door, target, {"raw": source.changes()})
    door.spark.sql(f"DELETE FROM {source.name} WHERE id = 2")
    door.write(source, door.rows((3, "C", 3, at(2))))
    forget_log(door, source)

    done = make(door, target, {"raw": source.changes()})

    assert door.read(target.name) == [(1, "a", 1), (3, "C", 3)]
    assert len([commit for commit in history(door.workspace, target.name) if commit.note]) == 2
    assert done.published == 2


def test_a_rebuild_for_one_lost_input_does_not_settle_rows_of_others_that_were_not_read(door: Door):
    left, right, target = door.table(), door.table(), follower()
    door.suite(target, AT_MOST_10)
    reads = {"left": left.changes(), "right": right.changes()}
    door.write(left, door.rows((1, "left", 1, None)))
    door.write(right, door.rows((2, "right", 2, None), (3, "right, bad", 30, None)))
    make(door, target, reads, both)
    door.write(left, door.rows((4, "left", 4, None)))
    door.write(left, door.rows((5, "left", 5, None)))
    forget_log(door, left)

    make(door, target, reads, both)

    assert door.read(target.name) == [(1, "left", 1), (2, "right", 2), (4, "left", 4), (5, "left", 5)]
    assert quarantine.counts(door.workspace, target.name) == only(waiting=1, discarded=1)


def test_a_lost_feed_beside_files_is_refused_with_the_way_out(door: Door, tmp_path: Any):
    columns = (*COLUMNS, Column("_source_file", "string", "The file"))
    source, target = door.table(), Table(door.table().name, columns=columns, grain="x", write=Append())
    (tmp_path / "a.jsonl").write_text("{}\n")
    reads = {"raw": source.changes(), "files": Lines(f"{tmp_path}/*.jsonl")}

    def beside(raw: Any, files: Any) -> Any:
        from pyspark.sql import functions as F

        return raw.withColumn("_source_file", F.lit("none"))

    door.write(source, door.rows((1, "a", 1, None)))
    make(door, target, reads, beside)
    door.write(source, door.rows((2, "b", 2, None)))
    door.write(source, door.rows((3, "c", 3, None)))
    forget_log(door, source)

    with pytest.raises(ChangeFeedGoneError, match=f"lakehouse run {target.name} --full"):
        make(door, target, reads, beside)
    make(door, target, reads, beside, full=True)

    assert door.read(target.name) == [(1, "a", 1), (2, "b", 2), (3, "c", 3)]


@pytest.mark.parametrize(
    "mode", [Append(), MERGE, Scd2(on=("id",), sequence=("sent_at",))], ids=lambda m: type(m).__name__
)
def test_what_reads_a_table_that_was_rebuilt_does_not_read_its_rows_as_new(door: Door, at: Any, mode: WriteMode):
    source, middle, target = door.table(), follower(), follower(mode)
    door.write(source, door.rows((1, "a", 1, at(1)), (2, "b", 2, at(1))))
    make(door, middle, {"raw": source.changes()})
    make(door, target, {"raw": middle.changes()})
    door.write(source, door.rows((3, "c", 3, at(1))))
    make(door, middle, {"raw": source.changes()}, full=True)

    done = make(door, target, {"raw": middle.changes()})

    assert door.read(target.name) == [(1, "a", 1), (2, "b", 2), (3, "c", 3)]
    (line,) = done.messages
    assert line.startswith(f"{middle.name} was made again from all of its inputs in version 2. All of it is read, ")


HISTORY = Scd2(on=("id",), sequence=("sent_at",), delete_when="name = 'gone'")
DELETES = Merge(on=("id",), sequence=("sent_at",), delete_when="name = 'gone'")


@pytest.mark.parametrize("vectors", [True, pytest.param(False, marks=pytest.mark.slow)], ids=["vectors", "no_vectors"])
@pytest.mark.parametrize(
    "mode",
    [
        pytest.param(Append(), marks=pytest.mark.slow),
        pytest.param(MERGE, marks=pytest.mark.slow),
        DELETES,
        pytest.param(HISTORY, marks=pytest.mark.slow),
    ],
    ids=["append", "merge", "deletes", "history"],
)
def test_a_full_run_makes_what_a_new_table_would_be(door: Door, at: Any, mode: WriteMode, vectors: bool):
    properties = (("delta.enableDeletionVectors", str(vectors).lower()),)
    source = door.table()
    reads = {"raw": source.changes()}
    target, anew = (
        Table(door.table().name, columns=COLUMNS, grain="x", write=mode, properties=properties) for _ in range(2)
    )
    door.suite(target, AT_MOST_10)
    door.suite(anew, AT_MOST_10)
    door.write(source, door.rows((1, "a", 1, at(1)), (2, "b", 2, at(2)), (4, "bad", 40, at(1))))
    make(door, target, reads)
    door.write(source, door.rows((1, "A", 2, at(2)), (2, "gone", 2, at(3)), (3, "c", 3, at(1))))
    make(door, target, reads)
    door.spark.sql(f"DELETE FROM {source.name} WHERE name = 'A'")

    done = make(door, target, reads, full=True)
    make(door, anew, reads)

    everything = anew.stored_names
    assert door.read(target.name, *everything) == door.read(anew.name, *everything)
    assert done.rows_in == done.published + done.quarantined + done.deduplicated
    assert quarantine.counts(door.workspace, target.name) == only(waiting=1, discarded=1)
    # What it remembers of deletions is that of its inputs, too.
    door.write(source, door.rows((2, "late", 2, at(2)), (3, "late", 9, at(4))))
    make(door, target, reads)
    make(door, anew, reads)
    assert door.read(target.name, *everything) == door.read(anew.name, *everything)


def test_a_full_run_replaces_partitions_that_the_inputs_do_not_have_any_more(door: Door):
    columns = (*COLUMNS, Column("day", "string", "UTC date"))
    source = Table(door.table().name, columns=columns, grain="x", write=Append())
    target = Table(door.table().name, columns=columns, grain="x", write=ReplacePartitions(), partitioned_by=("day",))
    door.write(source, door.rows((1, "a", 1, None, "1"), (2, "b", 2, None, "2"), table=source))
    make(door, target, {"raw": source})
    door.spark.sql(f"DELETE FROM {source.name} WHERE day = '1'")

    make(door, target, {"raw": source})
    assert door.read(target.name) == [(1, "a", 1), (2, "b", 2)]
    make(door, target, {"raw": source}, full=True)
    assert door.read(target.name) == [(2, "b", 2)]


def test_a_table_that_was_made_again_does_not_lose_rows_to_deletions_of_the_old_one(door: Door, at: Any):
    table = door.table(DELETES)
    for second in range(1, 4):
        door.write(table, door.rows((second, "a", 1, at(1)), (second, "gone", 1, at(9))))
    drop(door, table)

    door.write(table, door.rows((1, "again", 1, at(2))))
    assert door.read(table.name) == [(1, "again", 1)]
    # And remembers its own, though its publishes are counted anew.
    door.write(table, door.rows((1, "gone", 1, at(5))))
    door.write(table, door.rows((1, "late", 1, at(4))))
    assert door.read(table.name) == []


def test_rows_that_wait_for_a_table_that_was_dropped_do_not_wait_twice(door: Door):
    source, target = door.table(), follower()
    door.suite(target, AT_MOST_10)
    door.write(source, door.rows((1, "a", 1, None), (2, "bad", 20, None)))
    make(door, target, {"raw": source.changes()})
    drop(door, target)

    make(door, target, {"raw": source.changes()})

    assert quarantine.counts(door.workspace, target.name) == only(waiting=1, discarded=1)
    assert door.read(quarantine_of(target.name)) == [(2, "bad", 20), (2, "bad", 20)]


def test_a_decision_for_a_table_that_was_dropped_does_not_block_the_next_one(door: Door, monkeypatch: Any):
    table = door.table()
    door.write(table, door.rows((1, "a", 1, None)))
    with monkeypatch.context() as broken:
        broken.setattr("lakehouse.write.door._publish", lambda *_: 1 / 0)
        with pytest.raises(DecisionFailedError):
            door.write(table, door.rows((2, "b", 2, None)))
    assert open_intent(door.workspace, table.name) is not None
    drop(door, table)

    door.write(table, door.rows((3, "c", 3, None)))

    assert door.read(table.name) == [(3, "c", 3)]
    assert open_intent(door.workspace, table.name) is None


def test_a_foreign_table_that_was_made_again_is_not_read_without_an_audit(door: Door):
    name, target = f"bronze.x_{uuid.uuid4().hex[:10]}", follower(Overwrite())
    foreign = Table(name, columns=COLUMNS, grain="x")
    door.suite(foreign, {**AT_MOST_10, "kwargs": {"column": "value", "max_value": 10}})
    schema = "(id BIGINT, name STRING, value INT, sent_at TIMESTAMP)"
    door.spark.sql("CREATE DATABASE IF NOT EXISTS bronze")
    for value in (1, 100):
        door.spark.sql(f"CREATE TABLE {name} {schema} USING DELTA LOCATION '{door.workspace.table_path(name)}'")
        door.spark.sql(f"INSERT INTO {name} VALUES (1, 'a', {value}, NULL)")
        if value == 1:
            make(door, target, {"raw": Foreign(name)})
            assert open_table(door.workspace, name).version() == 1
            door.spark.sql(f"DROP TABLE {name}")
            import shutil

            shutil.rmtree(door.workspace.table_path(name))

    with pytest.raises(AuditFailedError):
        make(door, target, {"raw": Foreign(name)})
    assert door.read(target.name) == [(1, "a", 1)]


@pytest.mark.parametrize(
    "stricter",
    [{"severity": "critical"}, {"severity": "critical", "kwargs": {"column": "value", "max_value": 10, "mostly": 1.0}}],
    ids=["severity", "mostly"],
)
def test_a_stricter_suite_does_not_take_the_result_of_the_laxer_one(door: Door, stricter: dict[str, Any]):
    name = f"bronze.x_{uuid.uuid4().hex[:10]}"
    foreign = Table(name, columns=COLUMNS, grain="x")
    lax = {**AT_MOST_10, "kwargs": {"column": "value", "max_value": 10, "mostly": 0.9}, "severity": "warning"}
    door.suite(foreign, lax)
    door.write(foreign, door.rows((1, "a", 100, None), (2, "b", 2, None)))
    make(door, follower(Overwrite()), {"raw": Foreign(name)})

    door.suite(foreign, {**lax, **stricter})

    with pytest.raises(AuditFailedError):
        make(door, follower(Overwrite()), {"raw": Foreign(name)})


def test_results_of_other_tests_of_a_table_are_not_those_of_its_suite(door: Door):
    name = f"bronze.x_{uuid.uuid4().hex[:10]}"
    foreign = Table(name, columns=COLUMNS, grain="x")
    door.write(foreign, door.rows((1, "a", 100, None)))
    tested = CheckResult("a_test_of_dbt", "a test of dbt", "dbt_test", None, "critical", success=True)
    record(Tables(door.workspace), door.spark, name, [tested], run_id="dbt", version=1)
    door.suite(foreign, {**AT_MOST_10, "kwargs": {"column": "value", "max_value": 10}})

    with pytest.raises(AuditFailedError) as error:
        make(door, follower(Overwrite()), {"raw": Foreign(name)})

    assert [result.name for result in error.value.results] == ["value_values_between_10"]


def test_the_way_downstream_goes_through_what_is_made_here():
    graph = Graph(
        {},
        (
            Reader("silver.b", "asset", "bronze.a"),
            Reader("gold.d", "dbt model", "silver.b"),
            Reader("silver.c", "asset", "silver.b"),
            Reader("silver.e", "asset", "gold.d"),
            Reader("silver.x", "suite", "silver.b"),
        ),
    )

    assert behind(graph, ["bronze.a"], {"silver.b", "silver.c", "silver.e", "silver.x"}) == (
        ["silver.b", "silver.c"],
        ["gold.d"],
    )
