"""Expectations on the whole table: what must be computed, and GX's verdict on it."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from lakehouse.quality.rules.columns import considered_sql
from lakehouse.quality.rules.exact_bounds import exact
from lakehouse.quality.rules.row_conditions import condition_sql
from lakehouse.quality.rules.rule import AggregateRule, Grouping, Outcome, is_met
from lakehouse.quality.rules.sql_values import NUMERIC, NotCompiledError, bounds, column_of, literal, members
from lakehouse.quality.suite.suite import Expectation

Columns = Mapping[str, str]
Values = Mapping[str, Any]
Rule = Callable[[Expectation, Columns], AggregateRule]


def _filtered(aggregate: str, *conditions: str) -> str:
    kept = [condition for condition in conditions if condition != "true"]
    return f"{aggregate} FILTER (WHERE {' AND '.join(kept)})" if kept else aggregate


def _observed(value: Any, low: Any, high: Any) -> Any:
    """An aggregate's value as GX compares it: decimals as floats, times in the kind of the bounds."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, Decimal):
        return float(value)
    bound = low if low is not None else high
    if isinstance(bound, datetime) and not isinstance(value, datetime):
        return datetime(value.year, value.month, value.day)  # naive, as GX compares them
    if isinstance(bound, date) and not isinstance(bound, datetime) and isinstance(value, datetime):
        return value.date()
    return value


def is_between(value: Any, low: Any, high: Any, kwargs: Mapping[str, Any]) -> bool:
    """GX's verdict on a metric: nothing was measured is a failure."""
    if value is None:
        return False
    above = low is None or (value > low if kwargs.get("strict_min") else value >= low)
    return bool(above and (high is None or (value < high if kwargs.get("strict_max") else value <= high)))


def _metric(sql: Callable[[str, str], str], families: frozenset[str]) -> Rule:
    """A rule that one aggregate of a column lies within bounds."""

    def rule(expectation: Expectation, columns: Columns) -> AggregateRule:
        kwargs = expectation.kwargs
        name = kwargs.get("column")
        column, family = column_of(columns, name, families)
        low, high = bounds(kwargs)
        for bound in (low, high):
            if bound is not None and isinstance(bound, float) == (family in ("date", "timestamp")):
                raise NotCompiledError("bounds of another type than the column")
            if getattr(bound, "tzinfo", None) is not None:
                raise NotCompiledError("a bound with a time zone, which GX cannot compare")
        condition = condition_sql(expectation.condition, columns)

        def verdict(values: Values) -> Outcome:
            value = values["value"]
            observed = _observed(value, low, high)
            if isinstance(value, int | Decimal):
                ends = exact(kwargs.get("min_value")), exact(kwargs.get("max_value"))
                return Outcome(is_between(Decimal(value), *ends, kwargs), observed)
            return Outcome(is_between(observed, low, high, kwargs), observed)

        measured = sql(column, columns[str(name)].strip().lower())
        return AggregateRule(expectation, (("value", _filtered(measured, condition)),), verdict)

    return rule


def _mean(column: str, sql_type: str) -> str:
    if sql_type in ("tinyint", "byte", "smallint", "short"):
        raise NotCompiledError(f"a column of type {sql_type}, which GX refuses")
    return f"try_avg({column})"


def _sum(column: str, sql_type: str) -> str:
    whole = sql_type in ("tinyint", "byte", "smallint", "short", "int", "integer", "bigint", "long")
    return f"sum(CAST({column} AS DOUBLE))" if whole else f"try_sum({column})"


def _median(column: str, _sql_type: str) -> str:
    # approxQuantile, which GX calls, leaves NaN out.
    return f"percentile(CASE WHEN {_number(column)} THEN CAST({column} AS DOUBLE) END, 0.5D)"


def _number(column: str) -> str:
    return f"NOT coalesce(isnan(CAST({column} AS DOUBLE)), true)"


def _rows(expectation: Expectation, columns: Columns) -> AggregateRule:
    kwargs = expectation.kwargs
    condition = condition_sql(expectation.condition, columns)
    expected = kwargs.get("value")
    low, high = (None, None) if "value" in kwargs else bounds(kwargs)
    if isinstance(expected, float) or any(bound is not None and not isinstance(bound, float) for bound in (low, high)):
        raise NotCompiledError("a count of rows that is no whole number")

    def verdict(values: Values) -> Outcome:
        rows = values["rows"]
        return Outcome(rows == expected if "value" in kwargs else is_between(rows, low, high, kwargs), rows)

    return AggregateRule(expectation, (("rows", _filtered("count(1)", condition)),), verdict)


def _present(expectation: Expectation, columns: Columns) -> AggregateRule:
    kwargs = expectation.kwargs
    column, _ = column_of(columns, kwargs.get("column"))
    low, high = bounds(kwargs)
    condition = condition_sql(expectation.condition, columns)

    def verdict(values: Values) -> Outcome:
        observed = values["present"] / values["rows"] if values["rows"] else 0
        return Outcome(is_between(observed, low, high, kwargs), observed)

    counts = (("rows", _filtered("count(1)", condition)), ("present", _filtered(f"count({column})", condition)))
    return AggregateRule(expectation, counts, verdict)


def _grouped(expectation: Expectation, columns: Columns, listed: Sequence[Any] = ()) -> Grouping:
    """The column's values that are not null, brought together; those of `listed` are its members."""
    column, family = column_of(columns, expectation.kwargs.get("column"))
    where = f"({condition_sql(expectation.condition, columns)} AND {column} IS NOT NULL)"
    shown = ", ".join(literal(value) for value in listed)
    return Grouping((column,), where, f"{column} IN ({shown})" if shown else "false", whole=family == "integral")


def _distinct_count(share: bool) -> Rule:
    def rule(expectation: Expectation, columns: Columns) -> AggregateRule:
        grouping = _grouped(expectation, columns)
        low, high = bounds(expectation.kwargs)

        def verdict(values: Values) -> Outcome:
            observed = values["values"]
            if share:
                observed = values["values"] / values["present"] if values["present"] else 0
            return Outcome(is_between(observed, low, high, expectation.kwargs), observed)

        return AggregateRule(expectation, (("present", f"count_if({grouping.where})"),), verdict, grouping)

    return rule


def _distinct_set(only: bool, whole: bool) -> Rule:
    """Values of a column against a set: `only` the set's values may occur, the `whole` set must."""

    def rule(expectation: Expectation, columns: Columns) -> AggregateRule:
        _, family = column_of(columns, expectation.kwargs.get("column"))
        # With a value twice in the set GX finds one missing, always: so do we.
        listed = members(expectation.kwargs.get("value_set"), family)
        grouping = _grouped(expectation, columns, listed)

        def verdict(values: Values) -> Outcome:
            others, missing = values["values"] - values["members"], len(listed) - values["members"]
            success = not (only and others) and not (whole and missing)
            observed = {"missing_count": missing} if whole else None
            return Outcome(success, observed, unexpected_count=others if only else None)

        return AggregateRule(expectation, (), verdict, grouping)

    return rule


def _most_common(expectation: Expectation, columns: Columns) -> AggregateRule:
    _, family = column_of(columns, expectation.kwargs.get("column"))
    if family in ("date", "timestamp"):
        raise NotCompiledError("a column of times, which GX compares with the set's strings")
    listed = members(expectation.kwargs.get("value_set"), family)
    if family == "boolean":
        raise NotCompiledError("a set of booleans")
    grouping = replace(_grouped(expectation, columns, listed), modes=True)
    ties = bool(expectation.kwargs.get("ties_okay"))

    def verdict(values: Values) -> Outcome:
        modes, hits = values["modes"] or 0, values["member_modes"] or 0
        return Outcome(hits > 0 if ties else modes == 1 and hits == 1, {"most_common_values": modes})

    return AggregateRule(expectation, (), verdict, grouping)


def unique(expectation: Expectation, columns: Columns) -> AggregateRule:
    """Uniqueness of one or several columns, as counts; which rows repeat is not asked."""
    resolved = [column_of(columns, name) for name in expectation.columns]
    names = [name for name, _ in resolved]
    whole = [family for _, family in resolved] == ["integral"]
    condition = condition_sql(expectation.condition, columns)
    if expectation.type == "expect_column_values_to_be_unique":
        considered = f"({condition} AND {names[0]} IS NOT NULL)"
    else:
        considered = considered_sql(expectation, names, condition, "all_values_are_missing")
    counts = (("elements", _filtered("count(1)", condition)), ("considered", f"count_if({considered})"))

    def verdict(values: Values) -> Outcome:
        elements, asked, repeated = values["elements"], values["considered"], values["repeated_rows"]
        success = is_met(elements, asked, repeated, expectation.mostly)
        return Outcome(success, None, elements, repeated, asked)

    return AggregateRule(expectation, counts, verdict, Grouping(tuple(names), considered, repeats=True, whole=whole))


def _quantiles(expectation: Expectation, columns: Columns) -> AggregateRule:
    kwargs = expectation.kwargs
    column, _ = column_of(columns, kwargs.get("column"), NUMERIC)
    ranges = kwargs.get("quantile_ranges") or {}
    asked, limits = ranges.get("quantiles"), ranges.get("value_ranges")
    if kwargs.get("allow_relative_error") or not asked or not limits or len(asked) != len(limits):
        raise NotCompiledError("a relative error, or quantiles without their ranges")
    numbers = [*asked, *(limit for pair in limits for limit in pair if limit is not None)]
    if not all(isinstance(number, int | float) and not isinstance(number, bool) for number in numbers):
        raise NotCompiledError("quantiles that are no numbers")
    condition = condition_sql(expectation.condition, columns)
    kept = [_number(column), *([condition] if condition != "true" else [])]
    sql = tuple(
        (
            f"q{index}",
            f"percentile_disc({float(quantile)!r}D) WITHIN GROUP (ORDER BY CAST({column} AS DOUBLE)) "
            f"FILTER (WHERE {' AND '.join(kept)})",
        )
        for index, quantile in enumerate(asked)
    )

    def verdict(values: Values) -> Outcome:
        measured = [values[f"q{index}"] for index in range(len(asked))]
        return Outcome(all(map(_in_range, measured, limits)), {"quantiles": asked, "values": measured})

    return AggregateRule(expectation, sql, verdict)


def _in_range(value: float | None, limits: list[float | None]) -> bool:
    """GX lets a quantile miss its range by 1e-4 of the bound (numpy's isclose)."""
    if value is None:
        return False
    low = -math.inf if limits[0] is None else limits[0]
    high = math.inf if limits[1] is None else limits[1]
    near = any(abs(value - bound) <= 1e-8 + 1e-4 * abs(bound) for bound in (low, high) if math.isfinite(bound))
    return near or low <= value <= high


_ORDERED = NUMERIC | {"date", "timestamp"}
AGGREGATE_RULES: dict[str, Rule] = {
    "expect_table_row_count_to_be_between": _rows,
    "expect_table_row_count_to_equal": _rows,
    "expect_column_min_to_be_between": _metric(lambda column, _: f"min({column})", _ORDERED),
    "expect_column_max_to_be_between": _metric(lambda column, _: f"max({column})", _ORDERED),
    "expect_column_mean_to_be_between": _metric(_mean, NUMERIC),
    "expect_column_sum_to_be_between": _metric(_sum, NUMERIC),
    "expect_column_stdev_to_be_between": _metric(lambda column, _: f"stddev_samp({column})", NUMERIC),
    "expect_column_median_to_be_between": _metric(_median, NUMERIC),
    "expect_column_quantile_values_to_be_between": _quantiles,
    "expect_column_proportion_of_non_null_values_to_be_between": _present,
    "expect_column_proportion_of_unique_values_to_be_between": _distinct_count(share=True),
    "expect_column_unique_value_count_to_be_between": _distinct_count(share=False),
    "expect_column_distinct_values_to_be_in_set": _distinct_set(only=True, whole=False),
    "expect_column_distinct_values_to_contain_set": _distinct_set(only=False, whole=True),
    "expect_column_distinct_values_to_equal_set": _distinct_set(only=True, whole=True),
    "expect_column_most_common_value_to_be_in_set": _most_common,
    "expect_column_values_to_be_unique": unique,
    "expect_compound_columns_to_be_unique": unique,
}
