"""Values counted by bits are those counted one by one."""

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lakehouse.quality.measure.measure import measure
from lakehouse.quality.measure.rows import Rows
from lakehouse.quality.measure.value_counts import by_bits, by_value
from lakehouse.quality.rules.aggregates import unique
from lakehouse.quality.rules.rule import Grouping
from lakehouse.quality.suite.suite import expectation_of
from tests.library.examples import thorough

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_numbers = st.one_of(st.integers(-130, 130), st.sampled_from((-(2**63), 2**63 - 1, -(2**31), 2**31 - 1)), st.none())
_rows = st.lists(st.tuples(st.sampled_from(("a", "b")), _numbers), max_size=14)


@pytest.mark.parametrize("by", [(), ("p",)])
@thorough(5, 15)
@given(data=_rows)
@example(data=[("a", -1), ("a", 0), ("b", 63), ("b", 64), ("b", -64)])
@example(data=[("a", None), ("a", None), ("b", None)])
def test_bits_tell_how_many_values_there_are_and_whether_one_repeats(
    spark: "SparkSession", by: tuple[str, ...], data: list[tuple[str, int | None]]
) -> None:
    table = spark.createDataFrame(data, "p string, n bigint")
    rows, grouping = Rows(table, table, by), Grouping(("`n`",), "true", repeats=True, whole=True)

    by_the_bits = {rows.key_of(row): row for row in by_bits(rows, grouping, 0).collect()}
    expected = {rows.key_of(row): row for row in by_value(rows, grouping, 0).collect()}

    assert set(by_the_bits) == set(expected)
    for key, figures in expected.items():
        assert by_the_bits[key]["values"] == figures["values"]
        assert by_the_bits[key]["repeated_rows"] == (None if figures["repeated_rows"] else 0)


@pytest.mark.parametrize(("values", "jobs"), [((1, 2, 3), 1), ((1, 2, 2, 3, 3, 3), 2)])
def test_repeated_rows_are_counted_where_there_are_any(
    spark: "SparkSession", monkeypatch: pytest.MonkeyPatch, values: tuple[int, ...], jobs: int
) -> None:
    from pyspark.sql.connect.dataframe import DataFrame

    run: list[DataFrame] = []
    collect = DataFrame.collect

    def counted(frame: DataFrame) -> list[Any]:
        run.append(frame)
        return collect(frame)

    table = spark.createDataFrame([(value,) for value in values], "n int")
    kind = {"type": "expect_column_values_to_be_unique", "kwargs": {"column": "n"}}
    rule = unique(expectation_of(kind), {"n": "int"})
    monkeypatch.setattr(DataFrame, "collect", counted)

    (measured,) = measure(Rows(table, table), (), [rule]).values()

    assert measured.values(rule)["repeated_rows"] == sum(values.count(value) > 1 for value in values)
    assert len(run) == jobs
