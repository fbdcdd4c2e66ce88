"""A suite becomes one pass: predicates on rows, aggregates on the table, and what only GX can do."""

from collections.abc import Mapping

from lakehouse.errors import SuiteError
from lakehouse.quality.measure.masks import broken_by, broken_rules_sql, mask_sql, masked, quarantined_sql
from lakehouse.quality.rules.aggregates import AGGREGATE_RULES
from lakehouse.quality.rules.columns import MULTICOLUMN_RULES
from lakehouse.quality.rules.divergence import kl_divergence
from lakehouse.quality.rules.queries import QUERY_RULES
from lakehouse.quality.rules.references import REFERENCE_RULES
from lakehouse.quality.rules.rows import COLUMN_RULES
from lakehouse.quality.rules.rule import (
    AggregateRule,
    Compiled,
    Grouping,
    Outcome,
    RowRule,
    declared,
    declared_not_null,
)
from lakehouse.quality.rules.schema import SCHEMA_RULES
from lakehouse.quality.rules.sql_values import NotCompiledError
from lakehouse.quality.rules.statistics import STATISTICS_RULES
from lakehouse.quality.suite.suite import Expectation, Suite, all_types

__all__ = [
    "AggregateRule",
    "Compiled",
    "Grouping",
    "Outcome",
    "RowRule",
    "broken_by",
    "broken_rules_sql",
    "compile_suite",
    "declared",
    "declared_not_null",
    "known_to_the_pass",
    "mask_sql",
    "masked",
    "quarantined_sql",
    "reason_for_rest",
]

_ROW_RULES = {**COLUMN_RULES, **MULTICOLUMN_RULES}
_TABLE_RULES = {
    **AGGREGATE_RULES,
    **SCHEMA_RULES,
    **STATISTICS_RULES,
    **QUERY_RULES,
    "expect_column_kl_divergence_to_be_less_than": kl_divergence,
}
# `mostly` is about the rows of two queries there, not about rows of the table.
_OTHER_ROWS = frozenset(("expect_query_results_to_match_comparison",))
_ONE_BY_ONE = "so the rows that fail cannot be told from the others"


def compile_suite(suite: Suite | None, columns: Mapping[str, str]) -> Compiled:
    """Make one pass of a suite.

    Args:
        suite: As loaded; None gives nothing to judge.
        columns: Spark SQL types of the table's columns by name, in the table's order.

    Raises:
        SuiteError: a critical expectation with `mostly` below 1 that only GX can judge, or that compares each row with
            a statistic of all: rows that fail it could not be told from the others, so they could neither be published
            nor quarantined.
    """
    rows: list[RowRule] = []
    aggregates: list[AggregateRule] = []
    rest: list[Expectation] = []
    for expectation in suite.expectations if suite else ():
        rule = _compile(expectation, columns)
        if isinstance(rule, RowRule):
            rows.append(rule)
            continue
        if _needs_rows(expectation):
            why = f"only GX can judge it ({rule})" if isinstance(rule, str) else "a row is compared with all the others"
            raise SuiteError(
                f"{'/'.join(suite.path.parts[-3:]) if suite else ''} cannot be used.\n"
                f"  {expectation.label}: critical with mostly {expectation.mostly:g}, and {why}, {_ONE_BY_ONE}.\n"
                f"Give it mostly 1, or severity warning."
            )
        if isinstance(rule, AggregateRule):
            aggregates.append(rule)
        else:
            rest.append(expectation)
    return Compiled(tuple(rows), tuple(aggregates), tuple(rest))


def reason_for_rest(expectation: Expectation, columns: Mapping[str, str]) -> str | None:
    """Why GX itself judges an expectation; None where the one pass does."""
    compiled = _compile(expectation, columns)
    return compiled if isinstance(compiled, str) else None


def is_on_rows(expectation: Expectation, columns: Mapping[str, str]) -> bool:
    """Whether an expectation is judged row by row: it is not about all rows together."""
    return isinstance(_compile(expectation, columns), RowRule)


def row_rule_of(expectation: Expectation, columns: Mapping[str, str]) -> RowRule | None:
    """The rule that tells the rows that an expectation is about, one by one; None if there is none."""
    try:
        rule = _ROW_RULES[expectation.type](expectation, columns) if expectation.type in _ROW_RULES else None
    except NotCompiledError:
        return None
    return rule if isinstance(rule, RowRule) else None


def _needs_rows(expectation: Expectation) -> bool:
    """Whether its failing rows would have to go to quarantine."""
    return (
        expectation.severity == "critical"
        and expectation.mostly < 1
        and expectation.type not in SCHEMA_RULES
        and expectation.type not in _OTHER_ROWS
        and "mostly" in all_types()[expectation.type]["kwargs"]
    )


def _compile(expectation: Expectation, columns: Mapping[str, str]) -> RowRule | AggregateRule | str:
    """The rule, or the reason why there is none."""
    kind = expectation.type
    if kind in REFERENCE_RULES:
        return REFERENCE_RULES[kind](expectation, columns)
    try:
        # Where no row has to be told from the others, how often values occur is cheaper to count than to mark.
        if kind in _TABLE_RULES and (kind not in _ROW_RULES or not _needs_rows(expectation)):
            return _TABLE_RULES[kind](expectation, columns)
        if kind in _ROW_RULES:
            return _ROW_RULES[kind](expectation, columns)
    except NotCompiledError as reason:
        return str(reason)
    return "a type that only GX knows how to compute"


def known_to_the_pass() -> tuple[str, ...]:
    """The types of GX that the one pass knows."""
    return tuple(sorted({*_ROW_RULES, *_TABLE_RULES}))
