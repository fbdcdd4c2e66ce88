"""Expectations on several columns of a row: pairs and lists of columns."""

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from typing import Any

from lakehouse.quality.rules.row_conditions import condition_sql
from lakehouse.quality.rules.rule import RowRule
from lakehouse.quality.rules.sql_values import NUMERIC, SIMPLE, NotCompiledError, column_of, fits, literal
from lakehouse.quality.suite.suite import Expectation

Columns = Mapping[str, str]
Predicate = Callable[[Mapping[str, Any], Sequence[str], Sequence[str]], str]
_JOIN = {
    "both_values_are_missing": " OR ",
    "all_values_are_missing": " OR ",
    "either_value_is_missing": " AND ",
    "any_value_is_missing": " AND ",
}


def considered_sql(expectation: Expectation, names: Sequence[str], condition: str, default: str) -> str:
    """The rows that are looked at: those of the condition, without those that `ignore_row_if` leaves out."""
    ignored = expectation.kwargs.get("ignore_row_if", default)
    if ignored in ("neither", "never"):
        return condition
    if ignored not in _JOIN:
        raise NotCompiledError("an ignore_row_if that GX refuses")
    present = f"({_JOIN[ignored].join(f'{name} IS NOT NULL' for name in names)})"
    return present if condition == "true" else f"({condition} AND {present})"


def _rule(
    predicate: Predicate, families: frozenset[str], alike: bool, default: str
) -> Callable[[Expectation, Columns], RowRule]:
    def rule(expectation: Expectation, columns: Columns) -> RowRule:
        listed = expectation.columns
        if len(listed) < 2 or len(set(listed)) < len(listed):
            raise NotCompiledError("fewer than two columns, or one twice")
        typed = [column_of(columns, name, families) for name in listed]
        names, kinds = [name for name, _ in typed], [kind for _, kind in typed]
        if alike and len({"number" if kind in NUMERIC else kind for kind in kinds}) > 1:
            raise NotCompiledError("columns of two types")
        condition = condition_sql(expectation.condition, columns)
        considered = considered_sql(expectation, names, condition, default)
        expected = predicate(expectation.kwargs, names, kinds)
        return RowRule(expectation, f"({considered} AND coalesce(NOT ({expected}), false))", considered, condition)

    return rule


def _equal(_kwargs: Mapping[str, Any], names: Sequence[str], _kinds: Sequence[str]) -> str:
    return " AND ".join(f"{names[0]} <=> {name}" for name in names[1:])


def _greater(kwargs: Mapping[str, Any], names: Sequence[str], _kinds: Sequence[str]) -> str:
    a, b = names
    return f"{a} >= {b} OR {a} <=> {b}" if kwargs.get("or_equal") else f"{a} > {b}"


def _pairs(kwargs: Mapping[str, Any], names: Sequence[str], kinds: Sequence[str]) -> str:
    pairs = kwargs.get("value_pairs_set")
    if not isinstance(pairs, list) or not pairs or not all(isinstance(pair, list) and len(pair) == 2 for pair in pairs):
        raise NotCompiledError("no list of pairs")
    if not all(fits(x, kinds[0]) and fits(y, kinds[1]) for x, y in pairs):
        raise NotCompiledError("a value of the set has another type than the column")
    return " OR ".join(f"({names[0]} <=> {literal(x)} AND {names[1]} <=> {literal(y)})" for x, y in pairs)


def _pair_in_set(expectation: Expectation, columns: Columns) -> RowRule:
    if expectation.condition:
        raise NotCompiledError("GX applies no row condition to the values of this type, only to the count of rows")
    return _rule(_pairs, SIMPLE, alike=False, default="both_values_are_missing")(expectation, columns)


def _sum(kwargs: Mapping[str, Any], names: Sequence[str], kinds: Sequence[str]) -> str:
    total = kwargs.get("sum_total")
    if isinstance(total, bool) or not isinstance(total, int | float):
        raise NotCompiledError("a total that is no number")
    summands = [
        f"CAST(COALESCE({name}, 0) AS DECIMAL(38, 0))" if kind == "integral" else f"COALESCE({name}, 0)"
        for name, kind in zip(names, kinds, strict=True)
    ]
    return f"{' + '.join(summands)} = {literal(float(total))}"


def _distinct(_kwargs: Mapping[str, Any], names: Sequence[str], _kinds: Sequence[str]) -> str:
    return f"NOT ({' OR '.join(f'{a} <=> {b}' for a, b in combinations(names, 2))})"


def _compound_unique(expectation: Expectation, columns: Columns) -> RowRule:
    """Uniqueness of several columns as a rule on rows, for `mostly` below 1."""
    names = [column_of(columns, name)[0] for name in expectation.columns]
    if not names:
        raise NotCompiledError("no columns")
    condition = condition_sql(expectation.condition, columns)
    considered = considered_sql(expectation, names, condition, "all_values_are_missing")
    broken = f"({considered} AND count_if({considered}) OVER (PARTITION BY {', '.join(names)}) > 1)"
    return RowRule(expectation, broken, considered, condition, needs_shuffle=True)


_PAIR, _LIST = "both_values_are_missing", "all_values_are_missing"
MULTICOLUMN_RULES: dict[str, Callable[[Expectation, Columns], RowRule]] = {
    "expect_column_pair_values_to_be_equal": _rule(_equal, SIMPLE, alike=True, default=_PAIR),
    "expect_column_pair_values_a_to_be_greater_than_b": _rule(_greater, SIMPLE, alike=True, default=_PAIR),
    "expect_column_pair_values_to_be_in_set": _pair_in_set,
    "expect_multicolumn_values_to_be_equal": _rule(_equal, SIMPLE, alike=True, default=_LIST),
    "expect_multicolumn_sum_to_equal": _rule(_sum, frozenset(("integral", "fractional")), alike=True, default=_LIST),
    "expect_select_column_values_to_be_unique_within_record": _rule(_distinct, SIMPLE, alike=True, default=_LIST),
    "expect_compound_columns_to_be_unique": _compound_unique,
}
