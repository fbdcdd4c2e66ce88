"""Random frames and random suites over them, for the parity of the one pass with GX."""

import datetime
import math
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from lakehouse.quality import gx
from lakehouse.quality.compile import Compiled, compile_suite, known_to_the_pass
from lakehouse.quality.judge import CheckResult, audit
from lakehouse.quality.suite import Expectation, Suite, expectation_of, numbered

COLUMNS = {
    "i": "int",
    "j": "int",
    "l": "bigint",
    "x": "double",
    "y": "double",
    "m": "decimal(9,2)",
    "s": "string",
    "u": "string",
    "d": "date",
    "e": "date",
    "t": "timestamp",
    "b": "boolean",
}
WORDS = ("a", "b", "ab", "", "A b", "ü'x", "日本", '"q\\', "a%b_c", "line\nbreak")
# GX counts rows of the condition and values of all rows for the first; the others are about columns.
_UNCONDITIONAL = ("expect_column_pair_values_to_be_in_set", "expect_table_columns_to_match_ordered_list")
LIKE = ("expect_column_values_to_match_like", "expect_column_values_to_not_match_like")

_small = st.integers(-2, 5)
_number = st.one_of(_small.map(float), st.sampled_from((0.1, -0.0, 2.5, math.nan, math.inf)))
_word = st.sampled_from(WORDS)
_day = st.integers(0, 4).map(lambda days: datetime.date(2024, 2, 27) + datetime.timedelta(days))
_moment = st.integers(0, 9).map(lambda hours: datetime.datetime(2024, 2, 27, 20) + datetime.timedelta(hours=hours))
_values = (
    _small,
    _small,
    st.one_of(_small, st.just(2**53 + 1)),
    _number,
    _number,
    _small.map(lambda cents: Decimal(cents) / 4),
    _word,
    _word,
    _day,
    _day,
    _moment,
    st.booleans(),
)
_row = st.tuples(*(st.one_of(each, each, each, st.none()) for each in _values))
rows = st.one_of(
    st.lists(_row, max_size=2), st.lists(_row, min_size=6, max_size=14), st.lists(_row, min_size=9, max_size=20)
)


def _compared(column: str, operator: str, parameter: Any) -> dict[str, Any]:
    return {"type": "comparison", "column": {"name": column}, "operator": operator, "parameter": parameter}


_conditions: tuple[dict[str, Any], ...] = (
    {"row_condition": _compared("i", ">", 0)},
    {"row_condition": _compared("x", "<=", 2.5)},
    {"row_condition": _compared("s", "IN", ["a", "ü'x", '"q\\']), "condition_parser": "spark"},
    {"row_condition": {"type": "nullity", "column": {"name": "u"}, "is_null": True}},
    {"row_condition": {"type": "or", "conditions": [_compared("j", "==", 1), _compared("s", "!=", "a")]}},
    {"row_condition": 'col("s") == "a"', "condition_parser": "great_expectations"},
    {"row_condition": 'col("i").notnull()', "condition_parser": "great_expectations"},
    {"row_condition": "i >= 1 AND (s IN ('a', 'b') OR t IS NOT NULL)", "condition_parser": "spark"},
    {"row_condition": "m = 0.25", "condition_parser": "spark"},
)
_pair = {"column_A": "i", "column_B": "j"}
_bounds = st.tuples(_small, _small).map(sorted)
_number_column = st.sampled_from(("i", "l", "x", "m"))
_any_column = st.sampled_from(("i", "l", "x", "m", "s", "d", "t", "b"))
_ignored_pair = st.sampled_from(("both_values_are_missing", "either_value_is_missing", "neither"))
_ignored_list = st.sampled_from(("all_values_are_missing", "any_value_is_missing", "never"))


@st.composite
def _between(draw: st.DrawFn, columns: st.SearchStrategy[str] = _number_column) -> dict[str, Any]:
    low, high = draw(_bounds)
    found = {"column": draw(columns), "min_value": low, "max_value": high}
    found |= {"strict_min": draw(st.booleans()), "strict_max": draw(st.booleans())}
    missing = draw(st.sampled_from(("min_value", "max_value", None)))
    return {key: value for key, value in found.items() if key != missing}


@st.composite
def _shares(draw: st.DrawFn) -> dict[str, Any]:
    low, high = sorted((draw(st.sampled_from((0, 0.25, 0.5, 0.75, 1))), draw(st.sampled_from((0.25, 0.5, 1)))))
    return {"column": draw(_any_column), "min_value": low, "max_value": high}


_sets = {
    "i": st.lists(_small, min_size=1, max_size=4),
    "l": st.lists(st.one_of(_small, st.just(2**53 + 1)), min_size=1, max_size=4),
    "x": st.lists(st.sampled_from((0.0, 0.1, 2.5, 1)), min_size=1, max_size=4),
    "m": st.lists(st.sampled_from((0.25, 1, 0.5)), min_size=1, max_size=3),
    "s": st.lists(_word, min_size=1, max_size=5),
    "d": st.lists(_day.map(str), min_size=1, max_size=3),
    "t": st.lists(_moment.map(lambda moment: moment.isoformat()), min_size=1, max_size=4),
    "b": st.lists(st.booleans(), min_size=1, max_size=2),
}


@st.composite
def _in_set(draw: st.DrawFn, names: str = "ilxmsdtb", nulls: bool = True) -> dict[str, Any]:
    column = draw(st.sampled_from(names))
    values = draw(_sets[column])
    return {"column": column, "value_set": [*values, None] if nulls and draw(st.integers(0, 3)) == 0 else values}


def _fixed(**kwargs: Any) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {key: v if isinstance(v, st.SearchStrategy) else st.just(v) for key, v in kwargs.items()}
    )


_regex = st.sampled_from(("^a", "b$", r"^\w+$", "[^a-z]", "ü|日", r"(?i)^A B$", "^$", r"\d{1,3}"))
_pattern = st.sampled_from(("a%", "_b", "%ü%", "a\\%b\\_c", "%"))
_moments = st.sampled_from(
    (
        {"column": "d", "min_value": "2024-02-28"},
        {"column": "d", "max_value": "2024-02-29T00:00:00", "strict_max": True},
        {"column": "t", "min_value": "2024-02-28", "max_value": "2024-02-28"},
        {"column": "t", "min_value": "2024-02-27T22:00:00", "strict_min": True},
    )
)
_temporal = st.sampled_from(
    (
        {"column": "d", "min_value": "2024-02-28", "max_value": "2024-02-29"},
        {"column": "t", "min_value": "2024-02-27", "max_value": "2024-02-28"},
        {"column": "t", "min_value": "2024-02-27T20:00:00"},
    )
)
_quantiles = st.tuples(_bounds, _bounds).map(
    lambda pair: {
        "column": "x",
        "quantile_ranges": {
            "quantiles": [0.1, 0.3, 0.5, 0.7, 1.0],
            "value_ranges": [*pair, [None, 2], [0, None], pair[0]],
        },
    }
)
ARGUMENTS: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "expect_column_values_to_not_be_null": _fixed(column=_any_column),
    "expect_column_values_to_be_null": _fixed(column=_any_column),
    "expect_column_values_to_be_between": st.one_of(_between(), _between(), _moments),
    "expect_column_values_to_be_in_set": _in_set(),
    "expect_column_values_to_not_be_in_set": _in_set(),
    "expect_column_values_to_match_regex": _fixed(column=st.sampled_from("sui"), regex=_regex),
    "expect_column_values_to_not_match_regex": _fixed(column=st.sampled_from("sui"), regex=_regex),
    "expect_column_values_to_match_regex_list": _fixed(
        column="s", regex_list=st.lists(_regex, min_size=1, max_size=2), match_on=st.sampled_from(("any", "all"))
    ),
    "expect_column_values_to_not_match_regex_list": _fixed(
        column="s", regex_list=st.lists(_regex, min_size=1, max_size=2)
    ),
    "expect_column_values_to_match_like_pattern": _fixed(column="s", like_pattern=_pattern),
    "expect_column_values_to_not_match_like_pattern": _fixed(column="s", like_pattern=_pattern),
    "expect_column_values_to_match_like_pattern_list": _fixed(
        column="s", like_pattern_list=st.lists(_pattern, min_size=1)
    ),
    "expect_column_values_to_not_match_like_pattern_list": _fixed(
        column="s", like_pattern_list=st.lists(_pattern, min_size=1)
    ),
    "expect_column_value_lengths_to_be_between": _fixed(
        column=st.sampled_from("sl"), min_value=st.integers(0, 2), strict_min=st.booleans(), max_value=st.integers(2, 5)
    ),
    "expect_column_value_lengths_to_equal": _fixed(column=st.sampled_from("sl"), value=st.integers(0, 3)),
    "expect_column_values_to_be_unique": _fixed(column=_any_column),
    "expect_column_pair_values_to_be_equal": st.one_of(
        _fixed(**_pair, ignore_row_if=_ignored_pair),
        _fixed(column_A="x", column_B="y"),
        _fixed(column_A="s", column_B="u"),
    ),
    "expect_column_pair_values_a_to_be_greater_than_b": st.one_of(
        _fixed(**_pair, ignore_row_if=_ignored_pair, or_equal=st.booleans()), _fixed(column_A="d", column_B="e")
    ),
    "expect_column_pair_values_to_be_in_set": _fixed(
        **_pair,
        ignore_row_if=_ignored_pair,
        value_pairs_set=st.lists(
            st.lists(st.one_of(_small, st.none()), min_size=2, max_size=2), min_size=1, max_size=4
        ),
    ),
    "expect_multicolumn_values_to_be_equal": _fixed(column_list=["i", "j", "l"], ignore_row_if=_ignored_list),
    "expect_multicolumn_sum_to_equal": _fixed(
        column_list=["i", "j", "l"], ignore_row_if=_ignored_list, sum_total=_small
    ),
    "expect_select_column_values_to_be_unique_within_record": _fixed(
        column_list=["i", "j", "l"], ignore_row_if=_ignored_list
    ),
    "expect_compound_columns_to_be_unique": _fixed(
        column_list=st.sampled_from((["i", "s"], ["x", "b"], ["d", "j", "b"])), ignore_row_if=_ignored_list
    ),
    "expect_table_row_count_to_be_between": _fixed(min_value=st.integers(0, 3), max_value=st.integers(3, 12)),
    "expect_table_row_count_to_equal": _fixed(value=st.integers(0, 9)),
    "expect_column_min_to_be_between": st.one_of(_between(), _temporal),
    "expect_column_max_to_be_between": st.one_of(_between(), _temporal),
    "expect_column_mean_to_be_between": _between(),
    "expect_column_sum_to_be_between": _between(),
    "expect_column_stdev_to_be_between": _between(),
    "expect_column_median_to_be_between": _between(st.sampled_from("ilx")),
    "expect_column_quantile_values_to_be_between": _quantiles,
    "expect_column_proportion_of_non_null_values_to_be_between": _shares(),
    "expect_column_proportion_of_unique_values_to_be_between": _shares(),
    "expect_column_unique_value_count_to_be_between": _fixed(
        column=_any_column, min_value=st.integers(0, 3), max_value=st.integers(3, 9)
    ),
    "expect_column_distinct_values_to_be_in_set": _in_set(nulls=False),
    "expect_column_distinct_values_to_contain_set": _in_set(nulls=False),
    "expect_column_distinct_values_to_equal_set": _in_set(nulls=False),
    "expect_column_most_common_value_to_be_in_set": _in_set("is", nulls=False),
    "expect_column_values_to_be_of_type": _fixed(
        column=_any_column, type_=st.sampled_from(("IntegerType", "StringType"))
    ),
    "expect_column_values_to_be_in_type_list": _fixed(column=_any_column, type_list=["DateType", "DoubleType"]),
    "expect_column_type_to_be": _fixed(column=_any_column, type_="DecimalType"),
    "expect_column_to_exist": _fixed(
        column=st.sampled_from(("i", "zz")), column_index=st.sampled_from((None, 0, 2, 40))
    ),
    "expect_table_columns_to_match_ordered_list": _fixed(column_list=st.sampled_from((list(COLUMNS), ["i", "j"]))),
    "expect_table_columns_to_match_set": _fixed(
        column_set=st.sampled_from((list(COLUMNS)[::-1], ["i", "j"], ["i", "zz"])), exact_match=st.booleans()
    ),
    "expect_table_column_count_to_equal": _fixed(value=st.integers(11, 13)),
    "expect_table_column_count_to_be_between": _fixed(min_value=st.integers(8, 13), max_value=st.integers(13, 15)),
}


@st.composite
def _expectation(draw: st.DrawFn, kind: str) -> Expectation:
    from lakehouse.quality.suite import known_types

    takes = known_types()[kind]["kwargs"]
    kwargs = draw(ARGUMENTS[kind])
    if "mostly" in takes:
        kwargs["mostly"] = draw(st.sampled_from((0, 0.3, 0.5, 0.75, 1, 1)))
    if "row_condition" in takes and kind not in _UNCONDITIONAL and draw(st.integers(0, 2)) == 0:
        kwargs |= draw(st.sampled_from(_conditions))
    severity = draw(st.sampled_from(("critical", "warning")))
    return expectation_of({"type": kind, "kwargs": kwargs, "severity": severity})


@st.composite
def suites(draw: st.DrawFn) -> Suite:
    """One expectation of each type that the one pass knows."""
    listed = tuple(numbered([draw(_expectation(kind)) for kind in sorted(ARGUMENTS)]))
    return Suite("random", Path("expectations/silver/random.json"), listed)


@dataclass(frozen=True)
class Compared:
    """A result of each side, for one expectation."""

    ours: CheckResult
    gx: CheckResult

    @property
    def agrees(self) -> bool:
        """Verdict, counts and percentages are equal, and what was measured is close."""
        names = ("success", "element_count", "unexpected_count", "unexpected_percent", "unexpected_percent_total")
        equal = all(getattr(self.ours, name) == getattr(self.gx, name) for name in (*names, "missing_percent"))
        return equal and (self.gx.observed is None or _close(self.ours.observed, self.gx.observed))


def _close(ours: Any, theirs: Any) -> bool:
    if isinstance(theirs, float) and isinstance(ours, int | float):
        return math.isclose(ours, theirs, rel_tol=1e-9, abs_tol=1e-12)
    if isinstance(theirs, list) and isinstance(ours, dict):
        return bool(ours["most_common_values"] == len(theirs))
    return bool(ours == theirs)


def compare(frame: Any, suite: Suite) -> tuple[list[Compared], Compiled]:
    """Judge a frame both ways, without what GX cannot compute on Spark or what the pass leaves to GX."""
    compiled = compile_suite(suite, COLUMNS)
    ours = {result.name: result for result in audit(frame, replace(compiled, rest=()))}
    both = [each for each in suite.expectations if each.check_name in ours and not each.type.startswith(LIKE)]
    return [Compared(ours[result.name], result) for result in gx.run(frame, both)], compiled


__all__ = ["ARGUMENTS", "COLUMNS", "Compared", "compare", "known_to_the_pass", "rows", "suites"]
