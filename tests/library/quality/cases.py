"""Random frames and random suites over them, for the parity of the one pass with GX."""

import datetime
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from lakehouse.quality import gx
from lakehouse.quality.compile import Compiled, compile_suite
from lakehouse.quality.judge import CheckResult, audit
from lakehouse.quality.rules.statistics import STATISTICS_RULES
from lakehouse.quality.suite.suite import Expectation, Suite, expectation_of, numbered
from tests.library.examples import examples

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
DDL = ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())
WORDS = ("a", "b", "ab", "", "A b", "ü'x", "日本", '"q\\', "a%b_c", "line\nbreak", '{"a": [1]}', "NaN", "2024-02-28")
# GX counts rows of the condition and values of all rows for the first; the others are about columns.
_UNCONDITIONAL = ("expect_column_pair_values_to_be_in_set", "expect_table_columns_to_match_ordered_list")
# GX has no Spark form of these: each is held by an example, in test_judge.py.
WITHOUT_ORACLE = frozenset(
    (
        "expect_column_values_to_match_like_pattern",
        "expect_column_values_to_not_match_like_pattern",
        "expect_column_values_to_match_like_pattern_list",
        "expect_column_values_to_not_match_like_pattern_list",
        "expect_column_values_to_be_dateutil_parseable",
        "expect_table_row_count_to_equal_other_table",
    )
)
# Frames for each property.
EXAMPLES = examples(2, 4)

_small = st.integers(-2, 5)
_number = st.one_of(_small.map(float), st.sampled_from((0.1, -0.0, 2.5, math.nan, math.inf, -math.inf)))
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
_row = st.tuples(*(st.one_of(value, value, value, st.none()) for value in _values))
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
    kwargs = {"column": draw(columns), "min_value": low, "max_value": high}
    kwargs |= {"strict_min": draw(st.booleans()), "strict_max": draw(st.booleans())}
    missing = draw(st.sampled_from(("min_value", "max_value", None)))
    return {key: value for key, value in kwargs.items() if key != missing}


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
def _in_set(draw: st.DrawFn, names: str = "ilxmsdtb") -> dict[str, Any]:
    column = draw(st.sampled_from(names))
    return {"column": column, "value_set": draw(_sets[column])}


def _fixed(**kwargs: Any) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {key: v if isinstance(v, st.SearchStrategy) else st.just(v) for key, v in kwargs.items()}
    )


_regex = st.sampled_from(("^a", "b$", r"^\w+$", "[^a-z]", "ü|日", r"(?i)^A B$", "^$", r"\d{1,3}"))
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


@st.composite
def _weights(draw: st.DrawFn, count: int) -> list[float]:
    counts = draw(st.lists(st.integers(0, 4), min_size=count, max_size=count).filter(any))
    return [weight / sum(counts) for weight in counts]


_limit = st.sampled_from((None, 0.05, 0.4, 2))


@st.composite
def _kl_values(draw: st.DrawFn) -> dict[str, Any]:
    column, choices = draw(st.sampled_from((("s", _word), ("i", _small))))
    values = draw(st.lists(choices, min_size=1, max_size=12, unique=True))
    expected = {"values": values, "weights": draw(_weights(len(values)))}
    held_out = draw(st.sampled_from((0, 0.1)))
    return {
        "column": column, "partition_object": expected, "threshold": draw(_limit), "tail_weight_holdout": held_out,
    }  # fmt: skip


@st.composite
def _kl_bins(draw: st.DrawFn) -> dict[str, Any]:
    bins = draw(st.sampled_from(([-2, 0, 2, 5], [0.5, 2.5], [-1.0, 1, 1.5, 3, 9])))
    expected = {"bins": bins, "weights": draw(_weights(len(bins) - 1))}
    kwargs = {"column": draw(_number_column), "partition_object": expected, "threshold": draw(_limit)}
    if draw(st.booleans()):
        tails = draw(_weights(2))
        expected |= {
            "weights": [weight * 0.9 for weight in expected["weights"]],
            "tail_weights": [t * 0.1 for t in tails],
        }
        return kwargs
    held_out = {"tail_weight_holdout": st.sampled_from((0, 0.1)), "internal_weight_holdout": st.sampled_from((0, 0.1))}
    return kwargs | {name: draw(held) for name, held in held_out.items()}


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
    "expect_column_values_to_be_json_parseable": _fixed(column=st.sampled_from("su")),
    "expect_column_values_to_match_strftime_format": _fixed(
        column=st.sampled_from("su"), strftime_format=st.sampled_from(("%Y-%m-%d", "%A %b", "%d"))
    ),
    "expect_column_value_z_scores_to_be_less_than": _fixed(
        column=st.sampled_from("ilx"), threshold=st.sampled_from((0.73, 1.31, -0.73, 2)), double_sided=st.booleans()
    ),
    "expect_column_values_to_not_be_outliers": _fixed(
        column=_number_column, method=st.sampled_from(("iqr", "std")), multiplier=st.sampled_from((0, 0.31, 1.5))
    ),
    "expect_column_kl_divergence_to_be_less_than": st.one_of(_kl_values(), _kl_bins()),
    "unexpected_rows_expectation": _fixed(
        unexpected_rows_query=st.sampled_from(
            (
                "SELECT * FROM {batch} WHERE i > 1 OR x = 'NaN'",
                "SELECT s, count(*) FROM {batch} AS b GROUP BY b.s HAVING count(*) > 1;",
                "SELECT 1 FROM {batch} HAVING max(t) < TIMESTAMP'2024-02-28 02:00:00'",
                "SELECT a.i FROM {batch} a JOIN {batch} b ON a.i = b.j AND a.s <> 'ü''x'",
            )
        )
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
    "expect_column_distinct_values_to_be_in_set": _in_set(),
    "expect_column_distinct_values_to_contain_set": _in_set(),
    "expect_column_distinct_values_to_equal_set": _in_set(),
    "expect_column_most_common_value_to_be_in_set": _in_set("is"),
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
    from lakehouse.quality.suite.suite import known_types

    takes = known_types()[kind]["kwargs"]
    kwargs = draw(ARGUMENTS[kind])
    if "mostly" in takes:
        kwargs["mostly"] = draw(st.sampled_from((0, 0.3, 0.5, 0.75, 1, 1)))
    if "row_condition" in takes and kind not in _UNCONDITIONAL and draw(st.integers(0, 2)) == 0:
        kwargs |= draw(st.sampled_from(_conditions))
    # A critical one that compares rows with all the others is refused where its rows would have to be told apart.
    severity = "warning" if kind in STATISTICS_RULES else draw(st.sampled_from(("critical", "warning")))
    return expectation_of({"type": kind, "kwargs": kwargs, "severity": severity})


@st.composite
def suites(draw: st.DrawFn) -> Suite:
    """One expectation of each type that the one pass knows."""
    listed = tuple(numbered([draw(_expectation(kind)) for kind in sorted(ARGUMENTS)]))
    return Suite("random", Path("expectations/silver/random.json"), listed)


FIGURES = (
    "element_count", "unexpected_count", "missing_count", "unexpected_percent", "unexpected_percent_total",
    "missing_percent",
)  # fmt: skip


@dataclass(frozen=True)
class Compared:
    """A result of each side, for one expectation, and GX's own figures."""

    ours: CheckResult
    gx: CheckResult
    figures: Mapping[str, Any]

    @property
    def agrees(self) -> bool:
        """Verdict, counts and percentages are equal, and what was measured is close."""
        names = ("success", "element_count", "unexpected_count", "missing_count", "unexpected_percent")
        equal = all(getattr(self.ours, name) == getattr(self.gx, name) for name in names)
        equal = equal and all(getattr(self.ours, name) == self.figures[name] for name in FIGURES if self._has(name))
        if isinstance(self.ours.observed, dict) and "missing_count" in self.ours.observed:
            equal = equal and self.ours.observed["missing_count"] == self.figures.get("missing_count", 0)
        return equal and (self.gx.error is not None or self.gx.observed is None or self._is_close())

    def _has(self, name: str) -> bool:
        # Of a set, GX counts the values that are missing under the same name: ours is in `observed`.
        if "element_count" not in self.figures:
            return name in self.figures and name != "missing_count"
        # Over no rows it sums to None, in some of its types.
        return name in self.figures and not (self.figures[name] is None and not self.figures["element_count"])

    def _is_close(self) -> bool:
        return close(self.ours.observed, self.gx.observed)


def close(ours: Any, theirs: Any) -> bool:
    """Whether two measurements are equal, but for the order in which floating-point numbers were added."""
    if isinstance(theirs, float) and isinstance(ours, int | float):
        return math.isclose(ours, theirs, rel_tol=1e-9, abs_tol=1e-12)
    if isinstance(theirs, list) and isinstance(ours, dict):
        return bool(ours["most_common_values"] == len(theirs))
    return bool(ours == theirs)


def compare(frame: Any, suite: Suite) -> tuple[list[Compared], Compiled]:
    """Judge a frame both ways, without what the pass leaves to GX."""
    compiled = compile_suite(suite, COLUMNS)
    ours = {result.name: result for result in audit(frame, replace(compiled, rest=()))}
    both = [expectation for expectation in suite.expectations if expectation.check_name in ours]
    theirs = zip(both, gx.validate(frame, both), strict=True)
    return [
        Compared(
            ours[expectation.check_name],
            gx.check_of(expectation, validation),
            {} if isinstance(validation, str) else validation.result,
        )
        for expectation, validation in theirs
    ], compiled
