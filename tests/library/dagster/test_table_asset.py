"""A declaration and a function as a Dagster asset: what is shown, what stops, what is skipped."""

import json
import uuid
from dataclasses import replace
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from lakehouse.dagster.dbt_assets import audit_checks
from lakehouse.dagster.table_asset import TableAsset, table_asset
from lakehouse.declare.column import Column
from lakehouse.declare.table import Table
from lakehouse.declare.write_modes import Overwrite, ReplacePartitions
from lakehouse.delta.history import version_of
from lakehouse.engine.session import CONNECTION, Connection
from lakehouse.errors import DeclarationError
from lakehouse.sources.files import Lines
from lakehouse.sources.parquet import ParquetFiles
from lakehouse.workspace import Workspace


@pytest.fixture
def connection(workspace: Workspace, spark: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Connection:
    """The session's servers, and a project of the test's own for its suites."""
    monkeypatch.setenv("LAKEHOUSE_PROJECT", str(tmp_path))
    own = Connection(Workspace(workspace.settings.model_copy(update={"project": tmp_path})))
    own._session = spark
    return own


def numbers(reads: dict[str, Any] | None = None) -> TableAsset:
    columns = (Column("id", "bigint", "Key", nullable=False), Column("value", "int", "A number"))
    table = Table(f"silver.t_{uuid.uuid4().hex[:10]}", columns=columns, grain="one row per number", write=Overwrite())

    @table_asset(table, reads=reads or {})
    def made(**frames: Any) -> Any:
        from pyspark.sql import SparkSession

        if frames:
            return frames["raw"].selectExpr("id", "value + 1 AS value")
        return SparkSession.active().sql("SELECT * FROM VALUES (1L, 10), (2L, 200) AS t(id, value)")

    return made


def suite(connection: Connection, asset: TableAsset, maximum: int) -> None:
    file = connection.workspace.expectations / f"{asset.table.name.replace('.', '/')}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    rule = {
        "type": "expect_column_values_to_be_between",
        "kwargs": {"column": "value", "min_value": 0, "max_value": maximum},
        "severity": "critical",
    }
    file.write_text(json.dumps({"name": asset.table.name, "expectations": [rule], "meta": {}}))


COLUMNS = (Column("id", "bigint", "Key"), Column("day", "date", "Day"))
SOURCE = Table("bronze.sources", columns=COLUMNS, grain="one row per key", partitioned_by=("day",))
FILES = (Lines("landing/*.txt"), ParquetFiles("landing/*.parquet", "id bigint"))


@pytest.mark.parametrize("source", FILES, ids=lambda source: type(source).__name__)
def test_a_table_that_forgets_which_files_it_read_is_refused(source: Any):
    table = replace(SOURCE, name="silver.things")

    with pytest.raises(DeclarationError, match=r"silver.things reads `raw` .*`_source_file`.*got id, day"):
        table_asset(table, reads={"raw": source})(lambda raw: raw)


@pytest.mark.parametrize("mode", [Overwrite(), ReplacePartitions()], ids=lambda mode: type(mode).__name__)
@pytest.mark.parametrize("source", [*FILES, SOURCE.changes()], ids=lambda source: type(source).__name__)
def test_rows_are_not_replaced_by_those_that_are_new(source: Any, mode: Any):
    columns = (*COLUMNS, Column("_source_file", "string", "Where it was"))
    table = Table("silver.things", columns=columns, grain="one row per key", write=mode, partitioned_by=("day",))

    with pytest.raises(
        DeclarationError, match=rf"silver.things reads `raw` .* only what is new.*{type(mode).__name__}"
    ):
        table_asset(table, reads={"raw": source})(lambda raw: raw)
    assert table_asset(table, reads={"raw": SOURCE.by_partition()})(lambda raw: raw).table == table


def materialize(connection: Connection, *assets: TableAsset) -> dg.ExecuteInProcessResult:
    definitions = [TableAsset(asset.table, asset.transform, asset.reads).definition for asset in assets]
    return dg.materialize(definitions, resources={CONNECTION: connection}, raise_on_error=False)


def test_a_run_shows_rows_version_columns_and_checks(connection: Connection):
    first = numbers()
    suite(connection, first, 1000)

    result = materialize(connection, first)

    assert result.success
    shown = result.asset_materializations_for_node(first.table.name.replace(".", "__"))[0].metadata
    assert shown["dagster/row_count"].value == 2
    assert shown["delta_version"].value == 1
    evaluations = result.get_asset_check_evaluations()
    assert {(evaluation.check_name, evaluation.passed) for evaluation in evaluations} == {
        ("id_not_null_declared", True),
        ("value_values_between_0_1000", True),
    }
    columns = first.definition.metadata_by_key[dg.AssetKey(first.table.name.split("."))][
        "dagster/column_schema"
    ].columns
    assert [(column.name, column.type, column.description) for column in columns] == [
        ("id", "bigint", "Key"),
        ("value", "int", "A number"),
    ]


def test_a_critical_failure_fails_the_asset_with_its_message_and_nothing_runs_after_it(connection: Connection):
    first = numbers()
    second = numbers({"raw": first.table})
    assert materialize(connection, first, second).success
    suite(connection, first, 100)

    result = materialize(connection, first, second)

    name = first.table.name
    assert not result.success
    failed = result.failure_data_for_node(name.replace(".", "__"))
    assert failed.user_failure_data.description.splitlines() == [
        f"{name} was not published, it stays at version 1.",
        "  value: values_between(0,100)  expected to hold, got 1 of 2 rows against it",
        f"Mend the source or the transform in assets/{name.replace('.', '/')}.py, or change the expectation in "
        f"expectations/{name.replace('.', '/')}.json if the rule is wrong.",
        f"The rows that it is about are withheld in quarantine: `lakehouse quarantine show {name}`.",
    ]
    assert [
        evaluation.passed for evaluation in result.get_asset_check_evaluations() if "between" in evaluation.check_name
    ] == [False]
    started = {event.step_key for event in result.all_events if event.event_type_value == "STEP_START"}
    assert started == {name.replace(".", "__")}


def test_a_second_run_with_nothing_new_changes_nothing_and_says_so(connection: Connection):
    first = numbers()
    second = numbers({"raw": first.table})
    assert materialize(connection, first, second).success

    result = materialize(connection, first, second)

    for asset in (first, second):
        shown = result.asset_materializations_for_node(asset.table.name.replace(".", "__"))[0].metadata
        assert (shown["unchanged"].value, shown["delta_version"].value) == (True, 1)


def _made_by_a_factory(table: Table, value: Any) -> TableAsset:
    """An asset whose function closes over a value."""

    def made() -> Any:
        from pyspark.sql import SparkSession

        number = value[0] if isinstance(value, list) else 0
        return SparkSession.active().sql(f"SELECT 1L AS id, {number} AS value")

    return TableAsset(table, made, {})


def test_a_run_with_the_tag_makes_its_table_again_though_nothing_is_new(connection: Connection):
    source = numbers()
    made = numbers({"raw": source.table})
    assets, resources = [source.definition, made.definition], {CONNECTION: connection}
    assert dg.materialize(assets, resources=resources).success
    version = version_of(connection.workspace, made.table.name)

    done = dg.materialize([made.definition], resources=resources, tags={"lakehouse_full": "true"})

    assert done.success
    assert version_of(connection.workspace, made.table.name) == version + 1
    (event,) = done.asset_materializations_for_node(made.definition.node_def.name)
    assert event.metadata["unchanged"].value is False


def test_a_value_that_is_closed_over_and_changed_is_not_unchanged(connection: Connection):
    table = numbers().table

    runs = [_made_by_a_factory(table, value).materialize(connection) for value in ([10], [10], [20])]

    assert [(done.unchanged, done.version, done.messages) for done in runs] == [
        (False, 1, ()),
        (True, 1, ()),
        (False, 2, ()),
    ]


def test_a_value_that_cannot_be_compared_is_not_unchanged_and_is_named_once(connection: Connection):
    asset = _made_by_a_factory(numbers().table, (number for number in ()))

    runs = [asset.materialize(connection) for _ in range(2)]

    assert [done.unchanged for done in runs] == [False, False]
    for done in runs:
        (message,) = done.messages
        assert "`value` of " in message
        assert "a builtins.generator" in message


def test_the_asset_itself_is_the_pure_function(spark: Any):
    second = numbers({"raw": SOURCE})

    result = second(raw=spark.sql("SELECT 7L AS id, 1 AS value"))

    assert [tuple(row) for row in result.collect()] == [(7, 2)]


def test_a_broken_suite_stops_its_own_table_alone(connection: Connection):
    broken, fine = numbers(), numbers()
    suite(connection, broken, 1000)
    file = connection.workspace.expectations / f"{broken.table.name.replace('.', '/')}.json"
    file.write_text(file.read_text().replace('"value"', '"valu"'))

    result = materialize(connection, broken, fine)

    why = (
        f"expectations/{broken.table.name.replace('.', '/')}.json cannot be used.\n"
        "  expectation 1: expect_column_values_to_be_between: `valu` is no column of the table "
        "(did you mean `value`?)\n"
        "Mend the file; its table is not written until then."
    )
    assert not result.success
    failed = result.failure_data_for_node(broken.table.name.replace(".", "__"))
    assert failed.user_failure_data.description == f"SuiteError: {why}"
    assert version_of(connection.workspace, broken.table.name) in (None, 0)
    shown = result.asset_materializations_for_node(fine.table.name.replace(".", "__"))[0].metadata
    assert shown["dagster/row_count"].value == 2
    definition = TableAsset(broken.table, broken.transform, broken.reads).definition
    key = dg.AssetKey(broken.table.name.split("."))
    assert definition.metadata_by_key[key]["suite_error"] == why
    assert definition.descriptions_by_key[key].endswith(why)


def test_a_suite_mended_after_the_definitions_were_loaded_is_judged_as_it_is_now(connection: Connection):
    asset = numbers()
    suite(connection, asset, 1000)
    file = connection.workspace.expectations / f"{asset.table.name.replace('.', '/')}.json"
    mended = file.read_text()
    file.write_text(mended[:20])
    definition = TableAsset(asset.table, asset.transform, asset.reads).definition
    file.write_text(mended)

    result = dg.materialize([definition], resources={CONNECTION: connection}, raise_on_error=False)

    assert result.success
    assert {evaluation.check_name for evaluation in result.get_asset_check_evaluations()} == {"id_not_null_declared"}


def test_a_broken_suite_of_a_table_that_dbt_writes_is_a_failed_check(connection: Connection):
    file = connection.workspace.expectations / "gold" / "days.json"
    file.parent.mkdir(parents=True)
    file.write_text('{"expectations": [}')

    job = dg.define_asset_job("audit", dg.AssetSelection.all_asset_checks())
    definitions = dg.Definitions(asset_checks=[audit_checks("gold.days")], jobs=[job])
    result = definitions.resolve_job_def("audit").execute_in_process(raise_on_error=False)

    evaluations = result.get_asset_check_evaluations()
    assert [
        (evaluation.check_name, evaluation.passed, evaluation.metadata["why"].value) for evaluation in evaluations
    ] == [
        (
            "suite_can_be_used",
            False,
            "expectations/gold/days.json cannot be read: Expecting value at line 1, column 19.\n"
            "Mend the JSON there; its table is not written until then.",
        )
    ]


def test_a_critical_expectation_that_cannot_be_computed_blocks_its_table(connection: Connection):
    asset = numbers()
    suite(connection, asset, 1000)
    file = connection.workspace.expectations / f"{asset.table.name.replace('.', '/')}.json"
    query = "SELECT * FROM {batch} WHERE 1 / (value - 10) > 0"
    rule = {"type": "unexpected_rows_expectation", "kwargs": {"unexpected_rows_query": query}}
    file.write_text(json.dumps({"name": asset.table.name, "expectations": [rule]}))

    result = materialize(connection, asset)

    failed = result.failure_data_for_node(asset.table.name.replace(".", "__"))
    assert failed.user_failure_data.description.splitlines()[:2] == [
        f"{asset.table.name} was not published, it stays at version 0.",
        f"  table: unexpected_rows({query})  expected to hold, got could not be computed: DIVIDE_BY_ZERO",
    ]
    checks = {evaluation.check_name: evaluation.passed for evaluation in result.get_asset_check_evaluations()}
    assert checks.pop("id_not_null_declared")
    assert list(checks.values()) == [False]
