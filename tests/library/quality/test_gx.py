"""GX as the oracle: what it says of random frames is what the one pass says."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from pyspark.sql import SparkSession

from lakehouse.engine.session import Connection
from lakehouse.quality import gx
from lakehouse.quality.suite.expectation import Expectation
from lakehouse.quality.suite.suite import Suite, known_types, load_suite
from lakehouse.workspace import Workspace
from tests.library.quality.cases import DDL, EXAMPLES, compare, rows, suites


def test_the_list_of_types_is_that_of_the_installed_gx() -> None:
    assert known_types() == gx.catalogue()


# GX takes seconds for a suite: each frame is judged against all types at once. benchmarks/parity.py goes on for longer.
@pytest.mark.slow
@pytest.mark.thorough
@seed(20)
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate],
    print_blob=False,
)
@given(data=rows, suite=suites())
def test_the_one_pass_says_what_gx_says(spark: SparkSession, data: list[tuple[Any, ...]], suite: Suite) -> None:
    compared, compiled = compare(spark.createDataFrame(data, DDL), suite)

    assert compiled.rest == ()
    assert len(compared) == len(suite.expectations)
    assert [(comparison.ours, comparison.gx) for comparison in compared if not comparison.agrees] == []


def test_a_query_is_asked_in_the_session_of_the_frame(workspace: Workspace, spark: SparkSession) -> None:
    assert SparkSession.getActiveSession() is not None
    query = Expectation("unexpected_rows_expectation", {"unexpected_rows_query": "SELECT 1 FROM {batch} WHERE a > 1"})

    with Connection(workspace) as other:
        [result] = gx.run(other.session().createDataFrame([(1,), (2,)], "a int"), [query])

    assert (result.error, result.success, result.observed) == (None, False, 1)


def suite_at(folder: Path, *expectations: dict[str, Any], columns: dict[str, str]) -> Suite:
    path = folder / "expectations" / "silver" / "people.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"name": "silver.people", "expectations": list(expectations)}))
    suite = load_suite(path, columns)
    assert suite is not None
    return suite


def test_data_docs_are_pages_for_every_suite(spark: SparkSession, tmp_path: Path) -> None:
    listed = {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "a"}, "severity": "warning"}
    suite = suite_at(tmp_path, listed, columns={"a": "int"})

    page = gx.data_docs([gx.Shown(suite, lambda: spark.createDataFrame([(1,), (None,)], "a int"))], tmp_path / "docs")

    assert page == tmp_path / "docs" / "index.html"
    assert "silver.people" in page.read_text()
    assert len(list((tmp_path / "docs" / "validations").rglob("*.html"))) == 1


def test_data_docs_show_the_values_that_failed_rules_on_the_whole_are_about_escaped(
    spark: SparkSession, tmp_path: Path
) -> None:
    keys = {"type": "expect_column_values_to_be_unique", "kwargs": {"column": "a"}, "severity": "warning"}
    pair = {"type": "expect_compound_columns_to_be_unique", "kwargs": {"column_list": ["a", "b"]}}
    inside = {"type": "expect_column_distinct_values_to_be_in_set", "kwargs": {"column": "b", "value_set": ["in"]}}
    equal = {"type": "expect_column_distinct_values_to_equal_set", "kwargs": {"column": "b", "value_set": ["in"]}}
    rows_of_it = {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "c"}}
    suite = suite_at(
        tmp_path, keys, pair, inside, equal, rows_of_it, columns={"a": "int", "b": "string", "c": "string"}
    )
    ddl = "a int, b string, c string"
    rows = [(4711, "in", "of-a-row"), (4711, "<script>odd</script>", "of-a-row"), (4712, "in", None)]
    refused = [(815, "in", "x", ["a: values_unique"]), (816, "in", "x", ["c: values_not_be_null"])]

    gx.data_docs(
        [
            gx.Shown(
                suite,
                lambda: spark.createDataFrame(rows, ddl),
                lambda: spark.createDataFrame(refused, f"{ddl}, _broken_rules array<string>"),
            )
        ],
        tmp_path / "docs",
    )

    pages = {page.read_text() for page in (tmp_path / "docs" / "validations").rglob("*.html")}
    [stored] = [page for page in pages if gx.REFUSED not in page]
    [other] = [page for page in pages if gx.REFUSED in page]
    assert ">4711<" in stored
    assert "&lt;script&gt;odd&lt;/script&gt;" in stored
    assert "<script>odd" not in stored
    assert not any(value in stored for value in ("4712", "of-a-row", "815", "816"))
    assert ">815<" in other
    assert not any(value in other for value in ("4711", "odd", "816"))
