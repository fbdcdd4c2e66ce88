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


def test_data_docs_are_pages_for_every_suite(spark: SparkSession, tmp_path: Path) -> None:
    path = tmp_path / "expectations" / "silver" / "people.json"
    path.parent.mkdir(parents=True)
    listed = [{"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "a"}, "severity": "warning"}]
    path.write_text(json.dumps({"name": "silver.people", "expectations": listed}))
    suite = load_suite(path, {"a": "int"})
    assert suite is not None

    page = gx.data_docs([(suite, lambda: spark.createDataFrame([(1,), (None,)], "a int"))], tmp_path / "docs")

    assert page == tmp_path / "docs" / "index.html"
    assert "silver.people" in page.read_text()
    assert len(list((tmp_path / "docs" / "validations").rglob("*.html"))) == 1
