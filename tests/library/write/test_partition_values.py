"""Values of partitions: one spelling in log, digest, key and comparison; files are removed by the log's own words."""

import json
import uuid
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
from deltalake import DeltaTable, write_deltalake

from lakehouse.declare.column import Column
from lakehouse.declare.table import Table
from lakehouse.declare.write_modes import Append, Overwrite, ReplacePartitions, WriteMode
from lakehouse.delta.history import open_table
from lakehouse.delta.live_files import live_files
from lakehouse.delta.log import log_of
from lakehouse.delta.partition_digests import partition_digests
from lakehouse.delta.partition_values import NULL_KEY, canonical
from lakehouse.delta.tables import Tables
from lakehouse.errors import LakehouseError
from lakehouse.maintenance import keep_up
from lakehouse.maintenance.small_files import Limits
from lakehouse.schema.apply import apply
from lakehouse.sql.ask_trino import ask
from lakehouse.write.batch import Batch
from lakehouse.write.door import write
from lakehouse.write.intent import open_intent
from lakehouse.write.run_kind import ForPartitions
from tests.library.door import Door

# What a path, a URI, Hive's names of folders or JSON writes otherwise than it is.
ODD = [
    *("Zürich", "Łódź", "日本", "🙂", "e\u0301", "é", "a b", " a", "a ", "a+b", "a%20b", "100%", "%", "a=b", "a/b"),
    *("a\\b", "a'b", 'a"b', "a`b", "a:b", "a?b", "a#b", "a&b", "a;b", "a,b", "[a]", "{a}", "a*b", "a|b", "a\tb"),
    *("a\nb", "a^b", "~a", "null", "NULL", "None", "true", "1.0", ".", "..", "-"),
]
BY_TEXT = (Column("city", "string", "A city, or what is called one"), Column("id", "bigint", "Key"))
MOMENT = datetime(2024, 3, 31, 2, 30, 0, 123456)
# Values by type, and what each is called in a key.
TYPED: dict[str, list[tuple[Any, str]]] = {
    "string": [("Zürich / 100 %", "Zürich / 100 %"), (None, NULL_KEY)],
    "boolean": [(True, "true"), (False, "FALSE"), (None, NULL_KEY)],
    "tinyint": [(-128, "-128"), (0, "0")],
    "bigint": [(-(2**63), str(-(2**63))), (2**53 + 1, str(2**53 + 1)), (None, NULL_KEY)],
    "date": [(date(800, 1, 2), "0800-01-02"), (date(9999, 12, 31), "9999-12-31")],
    "timestamp": [
        (MOMENT.replace(tzinfo=UTC), "2024-03-31 04:30:00.123456+02:00"),
        (datetime(24, 2, 29, tzinfo=UTC), "0024-02-29"),
        (None, NULL_KEY),
    ],
    "timestamp_ntz": [(MOMENT, "2024-03-31T02:30:00.123456"), (datetime(24, 2, 29), "0024-02-29")],
}
TYPES = pytest.mark.parametrize("type_", TYPED, ids=list(TYPED))


def parted(door: Door, mode: WriteMode, columns: tuple[Column, ...], *by: str) -> Table:
    return Table(door.table().name, columns=columns, grain="one row per test row", write=mode, partitioned_by=by)


def by_text(door: Door, mode: WriteMode) -> Table:
    return parted(door, mode, BY_TEXT, "city")


def cities(door: Door, table: Table, place: int):
    return door.spark.createDataFrame([(city, place) for city in ODD], table.schema)


def join_files(door: Door, name: str) -> None:
    door.spark.sql(f"OPTIMIZE {name}").collect()


def update(door: Door, name: str) -> None:
    door.spark.sql(f"UPDATE {name} SET id = id + 100").collect()


def append_by_spark(door: Door, name: str) -> None:
    door.spark.sql(f"INSERT INTO {name} SELECT city, 7 FROM {name} WHERE id = 0").collect()


def append_by_delta_rs(door: Door, name: str) -> None:
    import pyarrow as pa

    rows = pa.table({"city": ODD, "id": pa.array([8] * len(ODD), pa.int64())})
    write_deltalake(door.workspace.table_path(name), rows, mode="append")


def checkpoint(door: Door, name: str) -> None:
    append_by_spark(door, name)
    DeltaTable(door.workspace.table_path(name)).create_checkpoint()


BETWEEN = [join_files, update, append_by_spark, append_by_delta_rs, checkpoint]


@pytest.mark.parametrize(
    "mode",
    [pytest.param(Overwrite(), marks=pytest.mark.slow), ReplacePartitions()],
    ids=lambda mode: type(mode).__name__,
)
def test_no_row_of_before_stays_beside_its_replacement_whoever_wrote_it(door: Door, mode: WriteMode):
    table = by_text(door, mode)
    door.write(table, cities(door, table, 0))
    append_by_spark(door, table.name)

    for place, between in enumerate(BETWEEN, 1):
        between(door, table.name)
        door.write(table, cities(door, table, place))

        expected = sorted((city, place) for city in ODD)
        assert door.read_in_spark(table.name, "city", "id") == expected, between.__name__
        stored = DeltaTable(door.workspace.table_path(table.name)).to_pyarrow_table()
        assert sorted(zip(stored["city"].to_pylist(), stored["id"].to_pylist(), strict=True)) == expected
        assert len(live_files(log_of(door.workspace.table_path(table.name)), open_version(door, table))) == len(ODD)


def open_version(door: Door, table: Table) -> int:
    delta = open_table(door.workspace, table.name)
    assert delta is not None
    return delta.version()


def typed(door: Door, type_: str, mode: WriteMode | None = None) -> Table:
    columns = (Column("part", type_, "What the files are parted by"), Column("id", "bigint", "Key"))
    return parted(door, mode or ReplacePartitions(), columns, "part")


def of_type(door: Door, table: Table, rows: list[tuple[Any, int]]):
    return door.spark.createDataFrame(rows, table.schema)


@TYPES
def test_values_are_spelled_as_the_engine_spells_them_and_read_alike_by_all_in_each_zone(
    door: Door, sql_layer, type_: str
):
    table, rows = typed(door, type_), [(value, place) for place, (value, _) in enumerate(TYPED[type_])]
    door.write(table, of_type(door, table, rows))
    twin = f"silver.twin_{uuid.uuid4().hex[:10]}"
    door.spark.sql(f"CREATE TABLE {twin} (part {type_}, id bigint) USING DELTA PARTITIONED BY (part)")
    of_type(door, table, rows).write.format("delta").mode("append").saveAsTable(twin)

    ours, theirs = (spellings(door, name, type_) for name in (table.name, twin))
    assert ours == theirs
    text = "part" if type_ == "string" else "CAST(part AS varchar)"
    assert asked(door, f"SELECT id, {text} FROM {table.name}") == asked(door, f"SELECT id, {text} FROM {twin}")
    read = DeltaTable(door.workspace.table_path(table.name)).to_pyarrow_table()
    assert sorted(zip(read["id"].to_pylist(), read["part"].to_pylist(), strict=True)) == [(k, v) for v, k in rows]
    for zone in ("America/New_York", "UTC"):
        door.spark.conf.set("spark.sql.session.timeZone", zone)
        made, expected = (door.spark.table(name) for name in (table.name, twin))
        assert made.exceptAll(expected).union(expected.exceptAll(made)).collect() == []


def spellings(door: Door, name: str, type_: str) -> list[str | None]:
    files = live_files(log_of(door.workspace.table_path(name)), 1)
    return sorted((canonical(file["partitionValues"]["part"], type_) for file in files.values()), key=str)


def asked(door: Door, statement: str) -> list[tuple[Any, ...]]:
    return sorted(map(tuple, ask(door.workspace, statement).rows))


@TYPES
def test_a_run_for_partitions_replaces_those_that_its_keys_name_however_they_are_written(door: Door, type_: str):
    table = typed(door, type_)
    door.write(table, of_type(door, table, [(value, 1) for value, _ in TYPED[type_]]))

    for place, (value, key) in enumerate(TYPED[type_], 2):
        batch = Batch(f"r{place}", f"r{place}", kind=ForPartitions({key: {}}))
        done = write(Tables(door.workspace), door.spark, table, of_type(door, table, [(value, place)]), batch)
        assert set(done.checks_by_partition) == {key}

    kept = door.spark.table(table.name).select("id").collect()
    assert sorted(row.id for row in kept) == list(range(2, 2 + len(TYPED[type_])))


@TYPES
def test_a_digest_changes_with_its_partition_alone_by_any_spelling_of_the_key(door: Door, type_: str):
    table, keys = typed(door, type_, Append()), [key for _, key in TYPED[type_]]
    door.write(table, of_type(door, table, [(value, 1) for value, _ in TYPED[type_]]))
    before = partition_digests(open_table(door.workspace, table.name), "part", keys)

    door.write(table, of_type(door, table, [(TYPED[type_][0][0], 2)]))

    after = partition_digests(open_table(door.workspace, table.name), "part", keys)
    assert [key for key in keys if after[key] != before[key]] == [keys[0]]


@pytest.mark.parametrize("type_", ["date", "boolean", "bigint", "timestamp"])
def test_a_key_that_is_no_value_of_the_column_is_told_with_an_example(door: Door, type_: str):
    table = typed(door, type_, Append())
    door.write(table, of_type(door, table, [(TYPED[type_][0][0], 1)]))

    with pytest.raises(LakehouseError, match=r"no value of the column `part`, which is .*\n?.*for example"):
        partition_digests(open_table(door.workspace, table.name), "part", ["secret-canary"])


def test_an_empty_text_is_judged_as_the_null_that_it_becomes(door: Door):
    columns = (replace(BY_TEXT[0], nullable=False), BY_TEXT[1])
    table = parted(door, Append(), columns, "city")

    done = door.write(table, door.spark.createDataFrame([("", 1), ("a", 2), (None, 3)], "city string, id bigint"))

    assert (done.published, done.quarantined) == (1, 2)
    assert door.read_in_spark(table.name, "city", "id") == [("a", 2)]
    assert DeltaTable(door.workspace.table_path(table.name)).to_pyarrow_table().num_rows == 1


def test_a_long_value_is_published_whole(door: Door):
    table, text = by_text(door, ReplacePartitions()), "ü" * 5000
    door.write(table, door.spark.createDataFrame([(text, 1), ("a", 2)], table.schema))
    door.write(table, door.spark.createDataFrame([(text, 3)], table.schema))

    assert door.read_in_spark(table.name, "city", "id") == [("a", 2), (text, 3)]


LONG = ["ü" * 400, "x" * 5000, "/" * 300, "a" * 255]
FEW = Limits(files=2)


@pytest.mark.parametrize(
    "between",
    [join_files, *(pytest.param(step, marks=pytest.mark.slow) for step in (update, append_by_spark))],
    ids=lambda step: step.__name__,
)
def test_files_of_values_that_are_no_names_of_folders_are_joined_and_rewritten(door: Door, between: Any):
    table = by_text(door, ReplacePartitions())
    door.write(table, door.spark.createDataFrame([(text, 0) for text in [*LONG, *ODD]], table.schema))
    append_by_spark(door, table.name)
    append_by_spark(door, table.name)

    assert keep_up(Tables(door.workspace), door.spark, table.name, limits=FEW) == ()

    assert door.spark.table(table.name).count() == 3 * len([*LONG, *ODD])
    assert len(live_files(log_of(door.workspace.table_path(table.name)), open_version(door, table))) == len(LONG + ODD)
    between(door, table.name)
    done = door.write(table, door.spark.createDataFrame([(text, 9) for text in LONG], table.schema))
    assert done.published == len(LONG)
    assert door.spark.table(table.name).where("length(city) > 200").select("id").distinct().collect()[0][0] == 9


def test_a_table_that_cannot_be_kept_up_says_why_and_what_to_do(door: Door):
    table = replace(by_text(door, Append()), properties=(("delta.randomizeFilePrefixes", "false"),))
    for place in range(4):
        door.write(table, door.spark.createDataFrame([(LONG[0], place)], table.schema))

    (notice,) = keep_up(Tables(door.workspace), door.spark, table.name, limits=FEW)

    assert f"`lakehouse apply {table.name}`" in notice
    assert LONG[0][:9] not in notice
    apply(door.connection, replace(table, properties=(("delta.randomizeFilePrefixes", "true"),)))
    assert keep_up(Tables(door.workspace), door.spark, table.name, limits=FEW) == ()
    assert door.read_in_spark(table.name, "id") == [(place,) for place in range(4)]


def test_null_beside_a_value_is_another_partition_than_a_value_beside_null(door: Door):
    columns = (Column("a", "string", "One"), Column("b", "string", "Two"), Column("id", "bigint", "Key"))
    table = parted(door, ReplacePartitions(), columns, "a", "b")
    rows = [(None, "x", 1), ("x", None, 2), (None, None, 3), ("x", "x", 4)]
    door.write(table, door.spark.createDataFrame(rows, table.schema))

    done = door.write(table, door.spark.createDataFrame([(None, "x", 5)], table.schema))

    assert door.read_in_spark(table.name, "id") == [(2,), (3,), (4,), (5,)]
    commit = json.loads(log_entry(door, table.name, done.version)[0])["commitInfo"]
    assert commit["operationParameters"]["byReference"] == "true"


def log_entry(door: Door, name: str, version: int) -> list[str]:
    file = log_of(door.workspace.table_path(name)).commits[version]
    with open(file.path) as stream:
        return stream.read().splitlines()


def test_a_value_that_no_log_can_hold_is_rejected_and_the_table_goes_on(door: Door):
    table = by_text(door, ReplacePartitions())
    door.write(table, door.spark.createDataFrame([("a", 1)], table.schema))

    done = door.write(table, door.spark.sql("SELECT CAST(X'ff41' AS string) AS city, 2L AS id"))

    assert (done.published, done.quarantined) == (0, 1)
    assert open_intent(door.workspace, table.name) is None
    assert door.write(table, door.spark.createDataFrame([("a", 3)], table.schema)).published == 1
    assert door.read_in_spark(table.name, "city", "id") == [("a", 3)]
