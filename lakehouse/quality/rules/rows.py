"""Expectations on the values of one column, as predicates on a row. The expressions are those of GX's Spark metrics."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from lakehouse.declare.sql_text import quote
from lakehouse.quality.rules.exact_bounds import least, most
from lakehouse.quality.rules.row_conditions import condition_sql
from lakehouse.quality.rules.rule import RowRule
from lakehouse.quality.rules.sql_values import SIMPLE, NotCompiledError, bounds, column_of, literal, members
from lakehouse.quality.suite.suite import Expectation

Columns = Mapping[str, str]
# What Python's and Java's regular expressions read alike and neither refuses. GX on Spark uses Java's, and so do we;
# but a pattern that Java refuses would stop the one pass that all rules share.
_ALIKE = re.compile(
    r"""(?x)(?: [^\\\[\](){}*+?] | \\[dDwWsSbB.\-/+*?()\[\]{}^$|tnr\\] | \{\d+(?:,\d*)?\} | [*+?]
    | \[\^?(?:[^\\\[\]&] | \\[dDwWsS.\-/+*?()\[\]{}^$|tnr\\])+\] | \((?!\?) | \(\?(?::|[ism]\)|=|!|<=|<!) | \) )*\Z"""
)


def _broken(expected: str, condition: str, column: str) -> tuple[str, str]:
    """GX's unexpected condition and denominator: nulls are not considered, an unknown answer is no failure."""
    considered = f"({column} IS NOT NULL)" if condition == "true" else f"({condition} AND {column} IS NOT NULL)"
    return f"({considered} AND coalesce(NOT ({expected}), false))", considered


def _nullity(nullity: str) -> Callable[[Expectation, Columns], RowRule]:
    def rule(expectation: Expectation, columns: Columns) -> RowRule:
        name = expectation.kwargs.get("column")
        if name not in columns:
            raise NotCompiledError("the column is not there, or is a field within one")
        condition = condition_sql(expectation.condition, columns)
        broken = f"({quote(str(name))} IS {nullity})"
        broken = broken if condition == "true" else f"({condition} AND {broken})"
        return RowRule(expectation, broken, considered=condition, counted=condition)

    return rule


def _values(
    predicate: Callable[[Mapping[str, Any], str, str], str], families: frozenset[str] = SIMPLE
) -> Callable[[Expectation, Columns], RowRule]:
    """A rule on the values of a column that are not null."""

    def rule(expectation: Expectation, columns: Columns) -> RowRule:
        column, family = column_of(columns, expectation.kwargs.get("column"), families)
        condition = condition_sql(expectation.condition, columns)
        broken, considered = _broken(predicate(expectation.kwargs, column, family), condition, column)
        return RowRule(expectation, broken, considered=considered, counted=condition)

    return rule


def between_sql(low: Any, high: Any, kwargs: Mapping[str, Any], column: str, kind: str = "") -> str:
    """`column`, of the SQL type `kind`, within bounds, either of which may be missing."""
    parts = []
    if low is not None:
        strict, bound = bool(kwargs.get("strict_min")), kwargs.get("min_value")
        parts.append(least(column, bound, kind, strict=strict) or f"{column} {'>' if strict else '>='} {literal(low)}")
    if high is not None:
        strict, bound = bool(kwargs.get("strict_max")), kwargs.get("max_value")
        parts.append(most(column, bound, kind, strict=strict) or f"{column} {'<' if strict else '<='} {literal(high)}")
    if not parts:
        raise NotCompiledError("neither min_value nor max_value, which GX refuses")
    return " AND ".join(parts)


def _between(expectation: Expectation, columns: Columns) -> RowRule:
    kind = columns.get(str(expectation.kwargs.get("column")), "")
    return _values(lambda kwargs, column, family: _within(kwargs, column, family, kind))(expectation, columns)


def _within(kwargs: Mapping[str, Any], column: str, family: str, kind: str) -> str:
    low, high = bounds(kwargs)
    if low is None and high is None:
        raise NotCompiledError("neither min_value nor max_value, which GX refuses")
    temporal = not isinstance(low if low is not None else high, float)
    if temporal != (family in ("date", "timestamp")) or family in ("string", "boolean"):
        raise NotCompiledError("bounds of another type than the column")
    return between_sql(low, high, kwargs, column, kind)


def _in_set(kwargs: Mapping[str, Any], column: str, family: str) -> str:
    values = members(kwargs.get("value_set"), family)
    return f"{column} IN ({', '.join(literal(value) for value in values)})"


def _not_in_set(kwargs: Mapping[str, Any], column: str, family: str) -> str:
    return f"NOT {_in_set(kwargs, column, family)}"


def _regex(pattern: Any) -> str:
    if not isinstance(pattern, str) or not _ALIKE.match(pattern):
        raise NotCompiledError("a pattern that Java's regular expressions may refuse")
    try:
        re.compile(pattern)
    except re.error:
        raise NotCompiledError("a pattern that Java's regular expressions may refuse") from None
    return literal(pattern)


def _listed(values: Any) -> list[Any]:
    if not isinstance(values, list) or not values:
        raise NotCompiledError("an empty list of patterns")
    return values


def _match_regex(kwargs: Mapping[str, Any], column: str, _family: str) -> str:
    return f"{column} RLIKE {_regex(kwargs.get('regex', '(?s).*'))}"


def _not_match_regex(kwargs: Mapping[str, Any], column: str, family: str) -> str:
    return f"NOT {_match_regex(kwargs, column, family)}"


def _match_regex_list(kwargs: Mapping[str, Any], column: str, _family: str) -> str:
    patterns = _listed(kwargs.get("regex_list"))
    matches = [f"{column} RLIKE {_regex(pattern)}" for pattern in patterns]
    # GX joins the patterns themselves: a flag such as (?i) holds for those after it, too.
    return (
        f"{column} RLIKE {literal('|'.join(patterns))}"
        if kwargs.get("match_on", "any") == "any"
        else " AND ".join(matches)
    )


def _not_match_regex_list(kwargs: Mapping[str, Any], column: str, _family: str) -> str:
    return " AND ".join(f"NOT {column} RLIKE {_regex(pattern)}" for pattern in _listed(kwargs.get("regex_list")))


def _like(pattern: Any, kwargs: Mapping[str, Any]) -> str:
    escape = kwargs.get("escape") or "\\"
    if not isinstance(pattern, str) or not isinstance(escape, str) or len(escape) != 1:
        raise NotCompiledError("a pattern or an escape that SQL refuses")
    # Spark refuses an escape before anything but %, _ and itself.
    if re.search(rf"{re.escape(escape)}(?![%_{re.escape(escape)}])", pattern.replace(escape * 2, "")):
        raise NotCompiledError("a pattern or an escape that SQL refuses")
    return f"LIKE {literal(pattern)} ESCAPE {literal(escape)}"


def _match_like(kwargs: Mapping[str, Any], column: str, _family: str) -> str:
    return f"{column} {_like(kwargs.get('like_pattern'), kwargs)}"


def _not_match_like(kwargs: Mapping[str, Any], column: str, family: str) -> str:
    return f"NOT {_match_like(kwargs, column, family)}"


def _match_like_list(kwargs: Mapping[str, Any], column: str, _family: str) -> str:
    joined = " OR " if kwargs.get("match_on", "any") == "any" else " AND "
    return joined.join(f"{column} {_like(pattern, kwargs)}" for pattern in _listed(kwargs.get("like_pattern_list")))


def _not_match_like_list(kwargs: Mapping[str, Any], column: str, _family: str) -> str:
    return " AND ".join(
        f"NOT {column} {_like(pattern, kwargs)}" for pattern in _listed(kwargs.get("like_pattern_list"))
    )


def _whole(value: Any) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not float(value).is_integer():
        raise NotCompiledError("a length that is no whole number")
    return int(value)


def _lengths(kwargs: Mapping[str, Any], column: str, family: str) -> str:
    low, high = _whole(kwargs.get("min_value")), _whole(kwargs.get("max_value"))
    if family != "string" or (low is None and high is None):
        return between_sql(low, high, kwargs, f"length({column})")
    parts = []
    if low is not None:
        parts.append(_longer(column, low + bool(kwargs.get("strict_min"))))
    if high is not None:
        parts.append(_shorter(column, high - bool(kwargs.get("strict_max"))))
    return " AND ".join(parts)


# A character of UTF-8 is one to four bytes (RFC 3629), and a string knows how many bytes it has; to know how many
# characters, it is read. Mostly the bytes are enough (`python -m benchmarks masks`).
def _longer(column: str, low: int) -> str:
    """At least `low` characters."""
    if low <= 1:
        return f"octet_length({column}) >= {low}"
    return f"(octet_length({column}) >= {4 * low} OR length({column}) >= {low})"


def _shorter(column: str, high: int) -> str:
    """At most `high` characters."""
    if high <= 0:
        return f"octet_length({column}) <= {high}"
    return f"(octet_length({column}) <= {high} OR length({column}) <= {high})"


def _length(kwargs: Mapping[str, Any], column: str, _family: str) -> str:
    value = _whole(kwargs.get("value"))
    if value is None:
        raise NotCompiledError("a length that is no whole number")
    return f"length({column}) = {literal(value)}"


def _is_json(_kwargs: Mapping[str, Any], column: str, _family: str) -> str:
    return f"lakehouse_is_json({column})"


def _is_date(_kwargs: Mapping[str, Any], column: str, _family: str) -> str:
    return f"lakehouse_is_date({column})"


def _is_in_format(kwargs: Mapping[str, Any], column: str, _family: str) -> str:
    form = kwargs.get("strftime_format")
    try:
        datetime.strptime(datetime.now(UTC).strftime(form), form)  # type: ignore[arg-type]
    except (ValueError, TypeError):
        raise NotCompiledError("a format that strptime cannot read back") from None
    return f"lakehouse_is_in_format({column}, {literal(str(form))})"


def _unique(expectation: Expectation, columns: Columns) -> RowRule:
    """Uniqueness as a rule on rows, for `mostly` below 1: then the repeated rows must be told from the others."""
    column, _ = column_of(columns, expectation.kwargs.get("column"))
    condition = condition_sql(expectation.condition, columns)
    considered = f"({condition} AND {column} IS NOT NULL)"
    broken = f"({considered} AND count_if({condition}) OVER (PARTITION BY {column}) > 1)"
    return RowRule(expectation, broken, considered, condition, needs_shuffle=True)


_STRING = frozenset(("string",))
_TEXTUAL = frozenset(("string", "integral"))
COLUMN_RULES: dict[str, Callable[[Expectation, Columns], RowRule]] = {
    "expect_column_values_to_not_be_null": _nullity("NULL"),
    "expect_column_values_to_be_null": _nullity("NOT NULL"),
    "expect_column_values_to_be_between": _between,
    "expect_column_values_to_be_in_set": _values(_in_set),
    "expect_column_values_to_not_be_in_set": _values(_not_in_set),
    "expect_column_values_to_match_regex": _values(_match_regex, _TEXTUAL),
    "expect_column_values_to_not_match_regex": _values(_not_match_regex, _TEXTUAL),
    "expect_column_values_to_match_regex_list": _values(_match_regex_list, _TEXTUAL),
    "expect_column_values_to_not_match_regex_list": _values(_not_match_regex_list, _TEXTUAL),
    "expect_column_values_to_match_like_pattern": _values(_match_like, _STRING),
    "expect_column_values_to_not_match_like_pattern": _values(_not_match_like, _STRING),
    "expect_column_values_to_match_like_pattern_list": _values(_match_like_list, _STRING),
    "expect_column_values_to_not_match_like_pattern_list": _values(_not_match_like_list, _STRING),
    "expect_column_value_lengths_to_be_between": _values(_lengths, _TEXTUAL),
    "expect_column_value_lengths_to_equal": _values(_length, _TEXTUAL),
    "expect_column_values_to_be_json_parseable": _values(_is_json, _STRING),
    "expect_column_values_to_be_dateutil_parseable": _values(_is_date, _STRING),
    "expect_column_values_to_match_strftime_format": _values(_is_in_format, _STRING),
    "expect_column_values_to_be_unique": _unique,
}
