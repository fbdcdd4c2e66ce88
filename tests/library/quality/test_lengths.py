"""Lengths are those of Python's strings, whatever their characters take in bytes."""

from pathlib import Path
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from lakehouse.quality.compile import compile_suite
from lakehouse.quality.judge import audit
from lakehouse.quality.suite.suite import Suite, expectation_of, numbered
from tests.library.examples import thorough

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_characters = st.sampled_from("aé\u20ac\U0001f600\u0301")
_words = st.lists(st.one_of(st.none(), st.text(_characters, max_size=14)), min_size=1, max_size=20)
_bounds = st.tuples(st.one_of(st.none(), st.integers(-1, 12)), st.one_of(st.none(), st.integers(-1, 12)))


@thorough(10, 30)
@given(
    words=_words,
    bounds=_bounds.filter(lambda limits: limits != (None, None)),
    strict=st.tuples(st.booleans(), st.booleans()),
)
def test_characters_are_counted_not_bytes(
    spark: "SparkSession", words: list[str | None], bounds: tuple[int | None, int | None], strict: tuple[bool, bool]
) -> None:
    low, high = bounds
    kwargs = {"column": "s", "min_value": low, "max_value": high, "strict_min": strict[0], "strict_max": strict[1]}
    listed = [expectation_of({"type": "expect_column_value_lengths_to_be_between", "kwargs": kwargs})]
    rules = compile_suite(Suite("s", Path("s.json"), tuple(numbered(listed))), {"s": "string"})

    (result,) = audit(spark.createDataFrame([(word,) for word in words], "s string"), rules)

    def is_short(word: str) -> bool:
        return low is not None and (len(word) <= low if strict[0] else len(word) < low)

    def is_long(word: str) -> bool:
        return high is not None and (len(word) >= high if strict[1] else len(word) > high)

    assert rules.rows
    assert result.unexpected_count == sum(word is not None and (is_short(word) or is_long(word)) for word in words)
