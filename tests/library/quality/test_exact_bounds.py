"""Bounds of whole numbers and decimals against the numbers themselves: none is compared as a double."""

import re
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakehouse.declare.column import Column
from lakehouse.errors import AuditFailedError
from lakehouse.quality.rules.exact_bounds import exact, least, most
from tests.library.door import Door
from tests.library.examples import thorough

TYPES = {
    **{f"decimal({precision},{scale})": (precision, scale) for precision, scale in ((9, 2), (38, 18), (5, 0), (18, 9))},
    "tinyint": (None, 7),
    "int": (None, 31),
    "bigint": (None, 63),
}
KINDS = st.sampled_from(sorted(TYPES))
BOUNDS = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False, width=32),
    st.floats(-1e6, 1e6),
    st.integers(-(2**66), 2**66),
    st.integers(-10_000, 10_000).map(lambda n: n / 100),
    st.sampled_from([0.1, 2**53, 2**53 + 1, 2**63 - 1, 2**63, -(2**63), -(2**63) - 1, 127, 128, 99999, 8.9e12, 9.1e12]),
)


def holds(sql: str, value: Decimal) -> bool:
    """What the written condition says of a value."""
    if sql in ("true", "false"):
        return sql == "true"
    edge = Decimal(re.search(r"'([-\d.]+)'", sql)[1])
    return value >= edge if ">=" in sql else value <= edge


@given(KINDS, BOUNDS, st.booleans(), st.integers(-(10**38), 10**38), st.integers(-3, 3))
def test_the_answer_for_each_number_of_the_type_is_the_exact_one(kind, bound, strict, far, near):
    digits, scale = TYPES[kind]
    lowest, highest = (1 - 10**digits, 10**digits - 1) if digits else (-(2**scale), 2**scale - 1)
    step = Decimal(1).scaleb(-scale) if digits else Decimal(1)
    written = exact(bound)
    for count in (far, int(written / step) + near, lowest, highest):
        value = min(max(count, lowest), highest) * step
        low, high = (side("c", bound, kind, strict=strict) for side in (least, most))
        assert holds(low, value) == (value > written if strict else value >= written)
        assert holds(high, value) == (value < written if strict else value <= written)


def test_it_is_written_in_the_type_of_the_column():
    assert least("c", 0.1, "decimal(15,2)", strict=False) == "c >= CAST(INTERVAL '0.10' SECOND AS decimal(15,2))"
    assert least("c", 0.1, "decimal(15,2)", strict=True) == "c >= CAST(INTERVAL '0.11' SECOND AS decimal(15,2))"
    assert most("c", 50.0, "DECIMAL(15, 2)", strict=False) == "c <= CAST(INTERVAL '50.00' SECOND AS decimal(15,2))"
    assert most("c", 50.0, "decimal(38,6)", strict=False) == "c <= CAST('50.000000' AS decimal(38,6))"
    assert most("c", 2**53, "long", strict=False) == "c <= CAST('9007199254740992' AS bigint)"
    assert least("c", 1e9, "decimal(5,0)", strict=False) == "false"
    assert most("c", 1000, "tinyint", strict=True) == "true"


@thorough(2, 10)
@given(bounds=st.lists(BOUNDS, min_size=20, max_size=20))
def test_the_engine_reads_the_number_that_is_written(spark, bounds: list[Any]):
    for kind in TYPES:
        sides = [side("c", bound, kind, strict=False) for bound in (*bounds, 0.5) for side in (least, most)]
        written = [sql.partition("= ")[2] for sql in sides if "CAST" in sql]

        rows = spark.sql("SELECT " + ", ".join(written)).collect()

        assert list(rows[0]) == [Decimal(re.search(r"'([-\d.]+)'", sql)[1]) for sql in written]


def test_what_is_no_such_number_is_left_as_it_is():
    assert least("c", 1.0, "double", strict=False) is None
    assert least("c", float("inf"), "decimal(9,2)", strict=False) is None
    assert most("c", None, "bigint", strict=False) is None


@pytest.mark.parametrize(
    ("kind", "value", "bound"),
    [
        ("bigint", 2**53 + 1, 2**53),
        ("decimal(20,18)", Decimal("0.100000000000000001"), 0.1),
    ],
    ids=["bigint", "decimal"],
)
@pytest.mark.parametrize("rule", ["expect_column_values_to_be_between", "expect_column_max_to_be_between"])
def test_a_value_that_is_the_bound_only_as_a_double_is_beyond_it(
    door: Door, rule: str, kind: str, value: Any, bound: Any
):
    table = door.table(columns=(Column("n", kind, "A number"),))
    door.suite(table, {"type": rule, "kwargs": {"column": "n", "max_value": bound}, "severity": "critical", "meta": {}})
    at_the_bound = Decimal(str(bound)) if kind != "bigint" else bound

    assert door.write(table, door.spark.createDataFrame([(at_the_bound,)], table.schema)).published == 1
    with pytest.raises(AuditFailedError):
        door.write(table, door.spark.createDataFrame([(value,)], table.schema))
