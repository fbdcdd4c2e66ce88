"""A row's key is in another table: single rows are told apart, nulls pass, and the version is pinned."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from lakehouse.declare.column import Column
from lakehouse.declare.table import quarantine_of
from lakehouse.errors import SuiteError
from lakehouse.quality import gx
from lakehouse.quality.compile import compile_suite
from lakehouse.quality.judge import audit
from lakehouse.quality.references import pinned
from lakehouse.quality.rules.references import as_gx_query
from lakehouse.quality.suite.suite import Suite, all_types, expectation_of, load_suite
from lakehouse.workspace import Workspace
from tests.library.door import Door

ROOT = Path(__file__).parents[3]
DDL = {"id": "bigint", "shop": "int", "number": "string"}


def reference(table: str, **kwargs: Any) -> dict[str, Any]:
    kind = (
        "expect_compound_columns_to_be_in_table" if "column_list" in kwargs else "expect_column_values_to_be_in_table"
    )
    return {"type": kind, "kwargs": {"table": table, **kwargs}, "severity": "critical"}


def suite_of(*expectations: dict[str, Any]) -> Suite:
    return Suite("s", Path("expectations/silver/s.json"), tuple(map(expectation_of, expectations)))


@pytest.fixture(scope="module")
def orders(workspace: Workspace, spark: Any, fresh: Any) -> Iterator[str]:
    """A table of keys: shop and number, each pair once, one of them with a null."""
    name = fresh("silver")
    spark.sql(f"CREATE DATABASE IF NOT EXISTS {name.partition('.')[0]}")
    frame = spark.createDataFrame([(1, "a"), (1, "b"), (2, "a"), (3, None)], "shop bigint, order_number string")
    path = workspace.table_path(name)
    frame.write.format("delta").option("path", path).saveAsTable(name)
    yield name
    spark.sql(f"DROP TABLE {name}")


def test_the_two_types_are_shown_in_the_documentation():
    page = (ROOT / "docs" / "expectations.md").read_text()

    assert [kind for kind in all_types() if f"`{kind}`" not in page and f'"{kind}"' not in page] == []


def test_a_row_condition_restricts_which_rows_are_judged():
    given = {"column": "shop", "row_condition": "number = 'a'", "condition_parser": "spark"}
    [plain] = compile_suite(suite_of(reference("silver.orders", column="shop")), DDL).rows
    [rule] = compile_suite(suite_of(reference("silver.orders", **given)), DDL).rows

    assert rule.counted == "coalesce((((`number` = 'a'))), false)"
    assert rule.considered == f"({rule.counted} AND `shop` IS NOT NULL)"
    assert rule.broken == f"({rule.considered} AND `{plain.reference and plain.reference.flag}` IS NULL)"
    assert (plain.counted, plain.considered, plain.reference) == ("true", "(`shop` IS NOT NULL)", rule.reference)
    assert rule.label == "shop: values_in_table(silver.orders) where number = 'a'"


def test_a_row_condition_that_could_fail_to_compute_is_an_error():
    given = {"column": "shop", "row_condition": "cast(number as int) > 1", "condition_parser": "spark"}

    with pytest.raises(SuiteError, match="cannot be used: a condition with more than columns, literals and compar"):
        compile_suite(suite_of(reference("silver.orders", **given)), DDL)


def test_gx_is_given_the_row_condition_within_the_query():
    given = {"column": "shop", "row_condition": 'col("number") == "{a}"', "condition_parser": "great_expectations"}

    made = as_gx_query(expectation_of(reference("silver.orders", other_column="id", **given)), DDL)

    assert made["kwargs"]["unexpected_rows_query"].format(batch="rows") == (
        "SELECT * FROM rows AS ours WHERE ours.`shop` IS NOT NULL AND coalesce((`number` = '{a}'), false) "
        "AND NOT EXISTS (SELECT 1 FROM `silver`.`orders` AS theirs WHERE theirs.`id` = ours.`shop`)"
    )


def test_a_row_for_which_the_condition_does_not_hold_is_published(
    workspace: Workspace, spark: Any, orders: str, tmp_path: Path
):
    door = Door(workspace, spark, tmp_path)
    table = door.table(columns=tuple(Column(name, type_, name) for name, type_ in DDL.items()))
    condition = {"row_condition": "number != 'a'", "condition_parser": "spark"}
    door.suite(table, reference(orders, column="shop", mostly=0.1, **condition))
    rows = [(1, 9, "a"), (2, 9, "b"), (3, 9, None), (4, 1, "b"), (5, None, "b")]

    done = door.write(table, door.rows(*rows, table=table))

    assert door.read(table.name, "id") == [(1,), (3,), (4,), (5,)]
    assert [row["id"] for row in spark.table(quarantine_of(table.name)).collect()] == [2]
    [check] = [check for check in done.checks if "in_table" in check.type]
    assert (check.element_count, check.unexpected_count) == (3, 1)


def test_a_row_without_its_key_is_quarantined_with_the_label_and_the_version_is_recorded(
    workspace: Workspace, spark: Any, orders: str, tmp_path: Path
):
    door = Door(workspace, spark, tmp_path)
    table = door.table(columns=tuple(Column(name, type_, name) for name, type_ in DDL.items()))
    pair = {"column_list": ["shop", "number"], "other_column_list": ["shop", "order_number"]}
    rules = [reference(orders, column="shop", mostly=0.1), reference(orders, **pair, mostly=0.1)]
    door.suite(table, *rules)
    rows = [(1, 1, "a"), (2, 9, "a"), (3, None, "z"), (4, 2, "b"), (5, 1, None), (6, 3, "a")]

    done = door.write(table, door.rows(*rows, table=table))

    assert door.read(table.name, "id") == [(1,), (3,), (5,)]
    waiting = {row["id"]: row["_broken_rules"] for row in spark.table(quarantine_of(table.name)).collect()}
    first, second = (expectation_of(rule).label for rule in rules)
    assert waiting == {2: [first, second], 4: [second], 6: [second]}
    observed = [check.observed for check in done.checks if "in_table" in check.type]
    assert observed == [{"table": orders, "version": 0}] * 2


def test_a_table_a_column_or_a_kind_that_is_not_there_is_an_error(workspace: Workspace, orders: str):
    def refused(table: str, **kwargs: Any) -> str:
        with pytest.raises(SuiteError) as error:
            pinned(workspace, compile_suite(suite_of(reference(table, **kwargs)), DDL))
        return str(error.value)

    assert "there is no table silver.nowhere in " in refused("silver.nowhere", column="shop")
    assert f"`shup` is no column of {orders} (did you mean `shop`?)" in refused(
        orders, column="shop", other_column="shup"
    )
    assert f"`number` is string, and `shop` of {orders} is bigint" in refused(
        orders, column="number", other_column="shop"
    )
    assert "as many columns of it as of this one, got 2 and 1" in refused(
        orders, column_list=["shop", "number"], other_column_list=["shop"]
    )


def test_a_misspelt_argument_is_an_error_when_the_suite_is_loaded(tmp_path: Path):
    file = tmp_path / "s.json"
    file.write_text(json.dumps({"expectations": [reference("silver.x", column="shop", other_colum="shop")]}))

    with pytest.raises(SuiteError, match=r"unknown argument `other_colum` \(did you mean `other_column`\?\)"):
        load_suite(file, DDL)


keys = st.tuples(st.none() | st.integers(0, 5), st.none() | st.sampled_from(["a", "b", "c"]))


@seed(6)
@settings(max_examples=8, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(rows=st.lists(keys, max_size=25))
def test_it_counts_what_duckdb_counts_and_gx_agrees(workspace: Workspace, spark: Any, orders: str, rows: list[Any]):
    pair = {"column_list": ["shop", "number"], "other_column_list": ["shop", "order_number"]}
    condition = {"row_condition": "number = 'a'", "condition_parser": "spark"}
    suite = suite_of(
        reference(orders, column="shop"), reference(orders, **pair), reference(orders, column="shop", **condition)
    )
    frame = spark.createDataFrame(rows, "shop int, number string")
    left = pd.DataFrame(rows, columns=["shop", "number"], dtype="object")
    right = pd.DataFrame([(1, "a"), (1, "b"), (2, "a"), (3, None)], columns=["shop", "order_number"])
    kept = "SELECT TRY_CAST(shop AS INT) AS shop, CAST(number AS VARCHAR) AS number FROM left_rows"
    database = duckdb.connect()
    database.register("left_rows", left)
    database.register("orders", right)
    expected = [
        database.sql(
            f"SELECT count(*) FROM ({kept}) l WHERE shop IS NOT NULL AND NOT EXISTS "
            "(SELECT 1 FROM orders o WHERE o.shop = l.shop)"
        ).fetchall()[0][0],
        database.sql(
            f"SELECT count(*) FROM ({kept}) l WHERE shop IS NOT NULL AND number IS NOT NULL AND NOT EXISTS "
            "(SELECT 1 FROM orders o WHERE o.shop = l.shop AND o.order_number = l.number)"
        ).fetchall()[0][0],
        database.sql(
            f"SELECT count(*) FROM ({kept}) l WHERE number = 'a' AND shop IS NOT NULL AND NOT EXISTS "
            "(SELECT 1 FROM orders o WHERE o.shop = l.shop)"
        ).fetchall()[0][0],
    ]

    results = audit(frame, pinned(workspace, compile_suite(suite, {"shop": "int", "number": "string"})))

    assert [result.unexpected_count for result in results] == expected
    assert [result.element_count for result in results] == [
        len(rows),
        len(rows),
        sum(number == "a" for _, number in rows),
    ]
    assert [result.success for result in results] == [count == 0 for count in expected]


def test_gx_itself_judges_it_by_a_query(spark: Any, orders: str):
    frame = spark.createDataFrame([(1, "a"), (9, "a"), (None, "a")], "shop int, number string")
    condition = {"row_condition": "number = 'b'", "condition_parser": "spark"}
    suite = suite_of(reference(orders, column="shop"), reference(orders, column="shop", **condition))

    broken, spared = gx.run(frame, suite.expectations)
    [kept] = gx.run(frame.where("shop = 1 OR shop IS NULL"), suite_of(reference(orders, column="shop")).expectations)

    assert (broken.success, broken.error, kept.success, kept.error) == (False, None, True, None)
    assert (spared.success, spared.error) == (True, None)
