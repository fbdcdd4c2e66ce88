"""Expectations on rows that need a statistic of the whole column first: a first look finds it, a second one counts."""

import math
from collections.abc import Callable, Mapping
from typing import Any

from lakehouse.quality.rules.row_conditions import condition_sql
from lakehouse.quality.rules.rule import AggregateRule, Outcome, is_met
from lakehouse.quality.rules.sql_values import NUMERIC, NotCompiledError, column_of
from lakehouse.quality.suite.suite import Expectation

Columns = Mapping[str, str]
Values = Mapping[str, Any]
_TOO_SMALL = ("tinyint", "byte", "smallint", "short")
# Of a column: the statistics by name, and from their values the predicate that a row must keep.
Statistics = tuple[tuple[tuple[str, str], ...], Callable[[Values], str]]


def _rule(
    statistics: Callable[[Mapping[str, Any], str], Statistics], families: frozenset[str]
) -> Callable[[Expectation, Columns], AggregateRule]:
    def rule(expectation: Expectation, columns: Columns) -> AggregateRule:
        column, _ = column_of(columns, expectation.kwargs.get("column"), families)
        condition = condition_sql(expectation.condition, columns)
        where = "" if condition == "true" else f" FILTER (WHERE {condition})"
        if families is not NUMERIC and columns[expectation.columns[0]].strip().lower() in _TOO_SMALL:
            raise NotCompiledError("a column of whole numbers of one or two bytes, which GX refuses")
        asked, expected = statistics(expectation.kwargs, column)
        counts = (("elements", f"count(1){where}"), ("considered", f"count({column}){where}"))

        def then(values: Values) -> tuple[tuple[str, str], ...]:
            broken = f"{column} IS NOT NULL AND coalesce(NOT ({expected(values)}), false)"
            return (("unexpected", f"count_if({condition} AND {broken})"),)

        def verdict(values: Values) -> Outcome:
            elements, considered, unexpected = values["elements"], values["considered"], values["unexpected"]
            success = is_met(elements, considered, unexpected, expectation.mostly)
            return Outcome(success, None, elements, unexpected, considered)

        looked = tuple((name, f"{sql}{where}") for name, sql in asked)
        return AggregateRule(expectation, (*counts, *looked), verdict, then=then)

    return rule


def _double(value: float) -> str:
    return f"{float(value)!r}D" if math.isfinite(value) else f"CAST('{value}' AS DOUBLE)"


def _number(value: Any, what: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise NotCompiledError(f"{what} that is no number")
    return float(value)


def _z_scores(kwargs: Mapping[str, Any], column: str) -> Statistics:
    threshold = _number(kwargs.get("threshold"), "a threshold")
    if not isinstance(kwargs.get("double_sided"), bool):
        raise NotCompiledError("neither one side nor both")

    def expected(values: Values) -> str:
        # GX makes None of a statistic that is not finite, and of None a score that nobody misses.
        if not values["deviation"] or not all(math.isfinite(values[name]) for name in ("mean", "deviation")):
            return "NULL"
        score = f"({column} - {_double(values['mean'])}) / {_double(values['deviation'])}"
        return f"abs({score}) < {_double(abs(threshold))}" if kwargs["double_sided"] else f"{score} < {threshold!r}D"

    return (("mean", f"avg({column})"), ("deviation", f"stddev_samp({column})")), expected


def _outliers(kwargs: Mapping[str, Any], column: str) -> Statistics:
    multiplier = _number(kwargs.get("multiplier", 1.5), "a multiplier")
    method = kwargs.get("method", "iqr")
    if method not in ("iqr", "std") or multiplier < 0:
        raise NotCompiledError("a method or a multiplier that GX refuses")

    def expected(values: Values) -> str:
        low, high = (None if v is None or not math.isfinite(v) else float(v) for v in (values["low"], values["high"]))
        if low is None or high is None:
            return "true"
        if method == "iqr":
            reach = multiplier * (high - low)
            return f"{column} >= {_double(low - reach)} AND {column} <= {_double(high + reach)}"
        reach = multiplier * high
        return f"abs({column} - {_double(low)}) < {_double(reach)}" if reach > 0 else f"{column} = {_double(low)}"

    if method == "iqr":
        return (("low", f"percentile({column}, 0.25)"), ("high", f"percentile({column}, 0.75)")), expected
    return (("low", f"avg({column})"), ("high", f"stddev_samp({column})")), expected


STATISTICS_RULES: dict[str, Callable[[Expectation, Columns], AggregateRule]] = {
    "expect_column_value_z_scores_to_be_less_than": _rule(_z_scores, frozenset(("integral", "fractional"))),
    "expect_column_values_to_not_be_outliers": _rule(_outliers, NUMERIC),
}
