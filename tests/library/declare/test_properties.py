"""Properties of Delta: with those that a declaration may carry all engines read the same rows."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from deltalake import DeltaTable

from lakehouse.declare.properties import PROPERTIES, check_properties
from lakehouse.declare.refused_types import ENGINES
from lakehouse.declare.table import Table
from lakehouse.declare.write_modes import Append, Merge, Overwrite, Scd2
from lakehouse.delta.history import rows_of
from lakehouse.delta.live_files import live_files
from lakehouse.delta.log import log_of
from lakehouse.errors import DeclarationError, LakehouseError
from lakehouse.schema.apply import apply, plan
from lakehouse.schema.stored import VECTORS
from lakehouse.sql.ask_trino import ask
from tests.conftest import ROOT
from tests.library.by_delta_rs import asked
from tests.library.door import Door

# A value for each property that takes any.
ANY = {
    "delta.checkpointInterval": "3",
    "delta.checkpointRetentionDuration": "interval 3 days",
    "delta.dataSkippingNumIndexedCols": "1",
    "delta.dataSkippingStatsColumns": "id",
    "delta.deletedFileRetentionDuration": "interval 2 days",
    "delta.logRetentionDuration": "interval 90 days",
    "delta.randomPrefixLength": "3",
    "delta.setTransactionRetentionDuration": "interval 90 days",
}
# Each of these changes what is in a log or in the files; the others are set together.
ALONE = [
    ("delta.appendOnly", "true"),
    ("delta.checkpointPolicy", "v2"),
    ("delta.columnMapping.mode", "name"),
    ("delta.columnMapping.mode", "id"),
    (VECTORS, "false"),
    ("delta.enableInCommitTimestamps", "true"),
    ("delta.enableRowTracking", "true"),
]
VALUES = {
    key: [value for value in values or (ANY[key],) if (key, value) not in ALONE] for key, values in PROPERTIES.items()
}
TOGETHER = [
    tuple((key, values[min(place, len(values) - 1)]) for key, values in VALUES.items() if values)
    for place in range(max(map(len, VALUES.values())))
]
SETTINGS = pytest.mark.parametrize(
    "properties",
    [*((setting,) for setting in ALONE), *TOGETHER],
    ids=[*(f"{key.removeprefix('delta.')}-{value}" for key, value in ALONE), *map(str, range(len(TOGETHER)))],
)
KEYED = Merge(on=("id",), sequence=("sent_at",))


def rows_by_engine(door: Door, name: str, columns: str = "name") -> dict[str, list[tuple[Any, ...]]]:
    delta = DeltaTable(door.workspace.table_path(name))
    statement = f"SELECT id, {columns} FROM {{}} ORDER BY id"
    by_delta_rs = asked(delta, statement.format("t"))
    return {
        "Spark": [tuple(row) for row in door.spark.sql(statement.format(name)).collect()],
        "Trino": [tuple(row) for row in ask(door.workspace, statement.format(name)).rows],
        "delta-rs": [tuple(row.values()) for row in by_delta_rs.to_pylist()],
    }


def assert_alike(door: Door, name: str, rows: list[tuple[int, str]], columns: str = "name") -> None:
    by_engine = rows_by_engine(door, name, columns)
    assert by_engine == dict.fromkeys(ENGINES, by_engine["Spark"])
    assert [row[:2] for row in by_engine["Spark"]] == rows
    assert rows_of(DeltaTable(door.workspace.table_path(name))) == len(rows)


def put(door: Door, table: Table, ids: range, name: str, second: int) -> None:
    at = datetime(2026, 1, 1, 0, 0, second, tzinfo=UTC)
    door.write(table, door.spark.createDataFrame([(number, name, 0, at) for number in ids], table.schema))


def checkpoint(door: Door, name: str) -> None:
    DeltaTable(door.workspace.table_path(name)).create_checkpoint()


def with_deleted_rows(door: Door, *properties: tuple[str, str], mode: Append | Merge = KEYED) -> Table:
    """A table of ids from 0 to 29; if it has a key, the first five are merged and so behind deletion vectors."""
    table = replace(door.table(mode), properties=properties)
    put(door, table, range(30), "old", 1)
    if mode == KEYED:
        put(door, table, range(5), "new", 2)
    return table


def rows_with(*new: int) -> list[tuple[int, str]]:
    return [(number, "new" if number in new else "old") for number in range(30)]


def vectors(door: Door, name: str) -> int:
    root = door.workspace.table_path(name)
    files = live_files(log_of(root), DeltaTable(root).version()).values()
    return sum("deletionVector" in file for file in files)


Properties = tuple[tuple[str, str], ...]


def mode_for(properties: Properties) -> Append | Merge:
    return Append() if ("delta.appendOnly", "true") in properties else KEYED


@pytest.mark.slow
@SETTINGS
def test_no_property_that_is_set_later_hides_or_brings_back_a_row(door: Door, sql_layer, properties: Properties):
    mode = mode_for(properties)
    table, merged = with_deleted_rows(door, mode=mode), range(5) if mode == KEYED else range(0)
    assert vectors(door, table.name) == (mode == KEYED)
    declared = replace(table, properties=properties)

    done = apply(door.connection, declared)

    if properties in ((("delta.columnMapping.mode", "id"),), ((VECTORS, "false"),)):
        # Delta gives ids to the columns of a new table alone, and Trino would give deleted rows.
        assert [difference.name for difference in done.refused] == [properties[0][0]]
        checkpoint(door, table.name)
        assert_alike(door, table.name, rows_with(*merged))
        return
    assert done.refused == ()
    assert_alike(door, table.name, rows_with(*merged))
    checkpoint(door, table.name)
    assert_alike(door, table.name, rows_with(*merged))
    if mode == KEYED:
        put(door, declared, range(5, 8), "new", 3)
        checkpoint(door, table.name)
        assert_alike(door, table.name, rows_with(*range(8)))
    assert plan(door.workspace, [declared]) == []


@SETTINGS
def test_no_property_that_a_table_is_made_with_hides_or_brings_back_a_row(
    door: Door, sql_layer, properties: Properties
):
    mode = mode_for(properties)
    table = with_deleted_rows(door, *properties, mode=mode)
    checkpoint(door, table.name)

    assert_alike(door, table.name, rows_with(*(range(5) if mode == KEYED else ())))


def test_each_property_that_may_be_declared_is_asked_of_the_engines():
    asked = {*ALONE, *(setting for settings in TOGETHER for setting in settings)}

    assert asked == {(key, value) for key, values in PROPERTIES.items() for value in values or (ANY[key],)}


def test_no_property_that_may_be_declared_is_missing_in_the_page():
    page = (ROOT / "docs" / "how-to" / "add-a-table.md").read_text().partition("## Properties")[2]

    assert set(re.findall(r"`(delta\.[A-Za-z.]+)`", page.partition("\n## ")[0])) == set(PROPERTIES)


def test_vectors_that_another_tool_took_off_are_told_with_the_way_out(door: Door, sql_layer):
    table = with_deleted_rows(door)
    declared = replace(table, properties=((VECTORS, "false"),))
    door.spark.sql(f"ALTER TABLE {table.name} SET TBLPROPERTIES ('{VECTORS}' = 'false')")
    checkpoint(door, table.name)
    # The merged rows twice: this is what is told.
    assert len(ask(door.workspace, f"SELECT id FROM {table.name}").rows) == 35

    [difference] = plan(door.workspace, [declared])[0].differences
    assert (difference.kind, difference.is_safe) == ("deletion vectors", False)
    assert f"Declare `{VECTORS}` as `true`" in difference.way_out
    on = replace(table, properties=((VECTORS, "true"),))
    assert [difference.kind for difference in apply(door.connection, on).done] == ["set property"]
    assert_alike(door, table.name, rows_with(*range(5)))


def test_vectors_that_are_on_again_need_no_purge(door: Door, sql_layer):
    table = replace(with_deleted_rows(door), properties=((VECTORS, "true"),))
    door.spark.sql(f"ALTER TABLE {table.name} UNSET TBLPROPERTIES ('{VECTORS}')")
    checkpoint(door, table.name)

    done = apply(door.connection, table)

    assert [difference.kind for difference in done.done] == ["set property"]
    assert_alike(door, table.name, rows_with(*range(5)))


@pytest.mark.slow
@pytest.mark.parametrize("mode", [Append(), KEYED], ids=["append", "merge"])
def test_no_widened_column_is_hidden_from_an_engine(door: Door, sql_layer, mode: Append | Merge):
    table, merged = with_deleted_rows(door, mode=mode), range(5) if mode == KEYED else range(0)

    for type_ in ("bigint", "decimal(20,0)"):
        columns = tuple(replace(column, type=type_) if column.name == "value" else column for column in table.columns)
        declared = replace(table, columns=columns)
        done = apply(door.connection, declared)

        assert ([difference.kind for difference in done.done], done.refused) == (["widen type"], ())
        assert plan(door.workspace, [declared]) == []
        assert_alike(door, table.name, rows_with(*merged), "name, value")
    at = datetime(2026, 1, 1, 0, 0, 9, tzinfo=UTC)
    published = door.write(declared, door.spark.createDataFrame([(30, "old", Decimal(2**40), at)], declared.schema))
    checkpoint(door, table.name)
    assert_alike(door, table.name, [*rows_with(*merged), (30, "old")], "name, value")
    [said] = DeltaTable(door.workspace.table_path(table.name)).history(1)
    assert said["operationParameters"].get("byReference") == "true"
    assert said["version"] == published.version


def test_a_widening_of_another_tool_is_told_and_made_readable(door: Door, sql_layer):
    table = with_deleted_rows(door)
    door.spark.sql(f"ALTER TABLE {table.name} SET TBLPROPERTIES ('delta.enableTypeWidening' = 'true')")
    door.spark.sql(f"ALTER TABLE {table.name} ALTER COLUMN value TYPE bigint")
    columns = tuple(replace(column, type="bigint") if column.name == "value" else column for column in table.columns)
    declared = replace(table, columns=columns)
    with pytest.raises(LakehouseError, match="Column 'value' cannot be resolved"):
        ask(door.workspace, f"SELECT value FROM {table.name}")

    planned = plan(door.workspace, [declared])
    done = apply(door.connection, declared)

    assert [difference.kind for difference in planned[0].differences] == ["drop feature"]
    assert [difference.kind for difference in done.done] == ["drop feature"]
    assert plan(door.workspace, [declared]) == []
    assert_alike(door, table.name, rows_with(*range(5)), "name, value")


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("delta.enableTypeWidening", "true", "`lakehouse apply` widens a column without it"),
        ("delta.feature.typeWidening", "supported", "Delta adds the features that a table needs by itself"),
        ("delta.enableVariantShredding", "true", "neither Trino nor delta-rs reads such a table"),
        ("delta.feature.vacuumProtocolCheck", "supported", "Delta adds the features that a table needs by itself"),
    ],
)
def test_no_property_may_be_declared_with_which_an_engine_cannot_read(
    door: Door, sql_layer, key: str, value: str, message: str
):
    table = with_deleted_rows(door)
    door.spark.sql(f"ALTER TABLE {table.name} SET TBLPROPERTIES ('{key}' = '{value}')")

    with pytest.raises(Exception, match=r"Unsupported table features|does not exist"):
        rows_by_engine(door, table.name)
    with pytest.raises(DeclarationError, match=message):
        replace(table, properties=((key, value),))


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("delta.enableChangeDataFeed", "false", "expected `true`, got `false`"),
        ("delta.appendonly", "true", "did you mean `delta.appendOnly`?"),
        ("delta.enableDeletionVector", "true", f"did you mean `{VECTORS}`?"),
        ("delta.constraints.positive", "id > 0", "give the condition in `constraints`"),
        ("delta.minReaderVersion", "3", "Delta raises the version itself"),
        ("delta.checkpoint.writeStatsAsJson", "false", "are counted by this part"),
        ("delta.universalFormat.enabledFormats", "iceberg", "it is not known that Spark, Trino and delta-rs read"),
        ("delta.isolationLevel", "Snapshot", "expected `Serializable`"),
    ],
)
def test_a_property_that_is_not_known_to_be_read_by_all_is_refused_where_it_is_declared(
    key: str, value: str, message: str
):
    with pytest.raises(DeclarationError) as error:
        check_properties("silver.things", ((key, value),), only_adds=True)

    assert f"silver.things: property `{key}`" in str(error.value)
    assert message in str(error.value)


@pytest.mark.parametrize("mode", [Overwrite(), KEYED, Scd2(on=("id",), sequence=("sent_at",))])
def test_no_table_whose_rows_change_may_be_one_that_only_takes_new_ones(door: Door, mode: Overwrite | Merge | Scd2):
    with pytest.raises(DeclarationError, match="forbids to change rows, which its write mode does"):
        replace(door.table(mode), properties=(("delta.appendOnly", "true"),))


def test_properties_that_are_not_of_delta_may_be_any():
    check_properties("silver.things", (("owner's", "o'brien"), ("retention", "7 years")), only_adds=False)
