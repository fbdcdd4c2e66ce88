"""The decimal at which a comparison with a double turns, against the comparison itself."""

import re
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from lakehouse.quality.rules.decimal_bounds import least, most
from tests.library.examples import thorough

KINDS = st.sampled_from([(9, 2), (15, 2), (38, 6), (5, 0), (18, 9)])
BOUNDS = st.one_of(
    st.floats(-1e6, 1e6), st.integers(-10_000, 10_000).map(float), st.integers(-10_000, 10_000).map(lambda n: n / 100)
)


def edge(sql: str | None) -> Decimal | None:
    return None if sql is None else Decimal(re.search(r"CAST\((?:INTERVAL )?'([-\d.]+)'", sql)[1])


@given(KINDS, BOUNDS, st.booleans(), st.lists(st.integers(-30, 30), min_size=1))
def test_the_answers_are_those_of_the_doubles(kind: tuple[int, int], bound: float, strict: bool, near: list[int]):
    precision, scale = kind
    step = Decimal(1).scaleb(-scale)
    low = edge(least("c", bound, f"decimal({precision},{scale})", strict=strict))
    high = edge(most("c", bound, f"decimal({precision},{scale})", strict=strict))
    for value in (Decimal(bound).quantize(step) + place * step for place in near):
        if low is not None:
            assert (value >= low) == (float(value) > bound if strict else float(value) >= bound)
        if high is not None:
            assert (value <= high) == (float(value) < bound if strict else float(value) <= bound)


def test_it_is_written_in_the_type_of_the_column():
    assert least("c", 0.1, "decimal(15,2)", strict=False) == "c >= CAST(INTERVAL '0.10' SECOND AS decimal(15,2))"
    assert least("c", 0.1, "decimal(15,2)", strict=True) == "c >= CAST(INTERVAL '0.11' SECOND AS decimal(15,2))"
    assert most("c", 50.0, "DECIMAL(15, 2)", strict=False) == "c <= CAST(INTERVAL '50.00' SECOND AS decimal(15,2))"
    assert most("c", 50.0, "decimal(15,2)", strict=True) == "c <= CAST(INTERVAL '49.99' SECOND AS decimal(15,2))"
    assert most("c", 50.0, "decimal(38,6)", strict=False) == "c <= CAST('50.000000' AS decimal(38,6))"


@thorough(2, 10)
@given(bounds=st.lists(BOUNDS | st.sampled_from([8.9e12, -8.9e12, 9.1e12]), min_size=20, max_size=20))
def test_the_engine_reads_the_decimal_that_is_written(spark, bounds: list[float]):
    for precision, scale in ((9, 2), (15, 2), (18, 6), (18, 9)):
        kind = f"decimal({precision},{scale})"
        # Of any decimal there is a bound near 0.
        written = [sql for bound in (*bounds, 0.5) if (sql := least("c", bound, kind, strict=False))]

        rows = spark.sql("SELECT " + ", ".join(sql.removeprefix("c >= ") for sql in written)).collect()

        assert list(rows[0]) == [edge(sql) for sql in written]


def test_what_it_does_not_know_is_left_as_it_is():
    assert least("c", 1.0, "double", strict=False) is None
    assert least("c", float("inf"), "decimal(9,2)", strict=False) is None
    assert least("c", 1e9, "decimal(5,0)", strict=False) is None
    assert most("c", 1e30, "decimal(38,6)", strict=False) is None
