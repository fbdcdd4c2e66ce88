"""Judged by partition: as if each partition's rows were there alone."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings

from lakehouse.quality.compile import Compiled, compile_suite, masked
from lakehouse.quality.judge import CheckResult, judge, judge_by
from lakehouse.quality.suite.suite import Suite, expectation_of, numbered
from tests.library.quality.cases import COLUMNS, DDL, EXAMPLES, close, rows, suites

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def rules_of(suite: Suite) -> Compiled:
    """What is judged row by row or by counting; uniqueness that is marked while staging looks at all rows."""
    compiled = compile_suite(suite, COLUMNS)
    return replace(compiled, rows=tuple(rule for rule in compiled.rows if not rule.needs_shuffle), rest=())


def same(one: CheckResult, other: CheckResult) -> bool:
    blank = {"observed": None}
    return replace(one, **blank) == replace(other, **blank) and close(one.observed, other.observed)


@pytest.mark.slow
@pytest.mark.parametrize("by", [("b",), ("d", "s")])
@pytest.mark.thorough
@seed(4)
@settings(
    max_examples=max(1, EXAMPLES // 2),
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate],
    print_blob=False,
)
@given(data=rows.filter(lambda sample: len(sample) > 4), suite=suites())
def test_each_partition_is_judged_as_if_it_were_alone(
    spark: "SparkSession", by: tuple[str, ...], data: list[tuple[Any, ...]], suite: Suite
) -> None:
    names, rules = list(COLUMNS), rules_of(suite)
    places = [names.index(name) for name in by]
    keys = list(dict.fromkeys(tuple(row[place] for place in places) for row in data))

    results = judge_by(masked(spark.createDataFrame(data, DDL), rules.rows), rules, names, by)

    assert set(results) == set(keys)
    for key in keys[:2]:
        alone = [row for row in data if tuple(row[place] for place in places) == key]
        expected = judge(masked(spark.createDataFrame(alone, DDL), rules.rows), rules, names)
        pairs = list(zip(results[key], expected, strict=True))
        assert [pair for pair in pairs if not same(*pair)] == []


def test_what_gx_judges_is_judged_once_and_stands_in_each_partition(spark: "SparkSession") -> None:
    kinds = {"expect_column_values_to_be_increasing": {"column": "i"}, "expect_column_to_exist": {"column": "i"}}
    listed = [expectation_of({"type": kind, "kwargs": kwargs}) for kind, kwargs in kinds.items()]
    rules = compile_suite(Suite("s", Path("s.json"), tuple(numbered(listed))), COLUMNS)
    frame = spark.sql("SELECT * FROM VALUES (1, 'x'), (2, 'x'), (3, NULL) AS t(i, s)")

    results = judge_by(frame, rules, ["i", "s"], ("s",))

    assert [(result.type, result.success, result.element_count) for result in results["x",]] == [
        ("expect_column_to_exist", True, None),
        ("expect_column_values_to_be_increasing", True, 3),
    ]
    assert results["x",] == results[None,]


def test_no_rows_are_no_partitions(spark: "SparkSession") -> None:
    assert judge_by(spark.createDataFrame([], "i int"), Compiled(), ["i"], ("i",)) == {}
