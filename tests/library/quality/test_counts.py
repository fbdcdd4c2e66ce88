"""Counts of the masks' bits, taken apart here or by the server."""

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakehouse.quality.compile import RowRule, masked
from lakehouse.quality.measure import mask_counts
from lakehouse.quality.measure.mask_counts import by_bit, by_mask
from lakehouse.quality.measure.masks import BITS
from lakehouse.quality.measure.rows import Rows
from lakehouse.quality.rules.rule import declared
from tests.library.examples import thorough

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

WANTED = BITS + 7
_rows = st.lists(st.tuples(st.sampled_from((1, 2, None)), st.integers(0, WANTED + 1)), max_size=12)


def more_than(limit: int) -> RowRule:
    return declared("more", "a", f"a > {limit}")


@pytest.mark.parametrize("most", [0, mask_counts.MOST])
@pytest.mark.parametrize("by", [(), ("p",)])
@thorough(4, 12)
@given(data=_rows)
def test_each_bit_is_counted_in_each_part(
    spark: "SparkSession", by: tuple[str, ...], most: int, data: list[tuple[Any, int]]
) -> None:
    rules = [more_than(limit) for limit in range(WANTED)]
    table = spark.createDataFrame(data, "p int, a int")
    rows = Rows(masked(table, rules), table, by)
    expected: dict[tuple[Any, ...], list[int]] = {} if by else {(): [0] * (1 + WANTED)}
    for part, value in data:
        counts = expected.setdefault((part,) if by else (), [0] * (1 + WANTED))
        counts[0] += 1
        for limit in range(WANTED):
            counts[1 + limit] += value > limit

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mask_counts, "MOST", most)
        given_by = by_mask(rows, rules).collect()
        counted = by_bit(rows, rules, given_by)

    assert len(given_by) <= most + 1
    assert counted == expected
