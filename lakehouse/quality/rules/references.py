"""Expectations on keys of another table: a row's key must be there. Great Expectations has none, so these are ours.

A subquery cannot stand in a projection, so what the rule asks of a row is a flag of a join (`quality/references.py`).
Nulls pass, as with a foreign key in SQL: a key with a null in it refers to nothing. A row for which the rule's row
condition does not hold is not judged.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

from lakehouse.declare.names import helper
from lakehouse.declare.sql_text import quote
from lakehouse.errors import SuiteError
from lakehouse.quality.rules.row_conditions import condition_sql
from lakehouse.quality.rules.rule import Reference, RowRule
from lakehouse.quality.rules.sql_values import NotCompiledError, column_of
from lakehouse.quality.suite.suite import Expectation

Columns = Mapping[str, str]


def reference_rule(expectation: Expectation, columns: Columns) -> RowRule:
    """A rule on rows: each key without a null must be a key of the other table.

    Raises:
        SuiteError: the arguments name no table, or not as many columns of it as of this one; or a row condition that
            could fail to compute, which GX cannot judge instead.
    """
    own, others = expectation.columns, _other_columns(expectation)
    table = expectation.kwargs.get("table")
    if not isinstance(table, str) or table.count(".") != 1 or len(others) != len(own):
        raise SuiteError(
            f"{expectation.label} cannot be used: expected `table` as layer.entities, and as many columns of it as of "
            f"this one, got {len(own)} and {len(others)}.\nMend the suite; its table is not written until then."
        )
    try:
        condition = condition_sql(expectation.condition, columns)
        names = [column_of(columns, name)[0] for name in own]
    except NotCompiledError as reason:
        raise SuiteError(
            f"{expectation.label} cannot be used: {reason}.\nMend the suite; its table is not written until then."
        ) from None
    text = json.dumps([table, own, others])
    flag = helper(f"reference-{hashlib.sha256(text.encode()).hexdigest()[:12]}")
    reference = Reference(flag, own, tuple(columns[name] for name in own), table, others)
    present = [f"{name} IS NOT NULL" for name in names]
    considered = f"({' AND '.join(present if condition == 'true' else [condition, *present])})"
    broken = f"({considered} AND {quote(flag)} IS NULL)"
    return RowRule(expectation, broken, considered, condition, reference=reference)


REFERENCE_RULES: dict[str, Callable[[Expectation, Columns], RowRule]] = {
    "expect_column_values_to_be_in_table": reference_rule,
    "expect_compound_columns_to_be_in_table": reference_rule,
}


def as_gx_query(expectation: Expectation, columns: Columns) -> dict[str, Any]:
    """One of our types as GX's own JSON: the query that gives its failing rows. `{batch}` stands for the table.

    Raises:
        NotCompiledError: a row condition that could fail to compute.
    """
    pairs = zip(expectation.columns, _other_columns(expectation), strict=True)
    is_same = " AND ".join(f"theirs.{quote(there)} = ours.{quote(here)}" for here, there in pairs)
    judged = [f"ours.{quote(name)} IS NOT NULL" for name in expectation.columns]
    if expectation.condition:
        # GX formats the query: a brace that is not its placeholder stands twice.
        judged.append(condition_sql(expectation.condition, columns).replace("{", "{{").replace("}", "}}"))
    query = (
        f"SELECT * FROM {{batch}} AS ours WHERE {' AND '.join(judged)} "
        f"AND NOT EXISTS (SELECT 1 FROM {quote(str(expectation.kwargs.get('table')))} AS theirs WHERE {is_same})"
    )
    return {
        "type": "unexpected_rows_expectation",
        "kwargs": {"unexpected_rows_query": query},
        "severity": expectation.severity,
        "meta": dict(expectation.meta),
    } | ({"notes": expectation.notes} if expectation.notes else {})


def _other_columns(expectation: Expectation) -> tuple[str, ...]:
    """The key in the other table: as named, else of the same names."""
    kwargs = expectation.kwargs
    given = kwargs.get("other_column") or kwargs.get("other_column_list") or expectation.columns
    return (given,) if isinstance(given, str) else tuple(given)


def observed(rule: RowRule) -> Any:
    """What a result says beside its counts: which version of which table was looked into."""
    return None if rule.reference is None else {"table": rule.reference.table, "version": rule.reference.version}
