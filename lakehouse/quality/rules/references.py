"""Expectations on keys of another table: a row's key must be there. Great Expectations has none, so these are ours.

A subquery cannot stand in a projection, so what the rule asks of a row is a flag of a join (`quality/references.py`).
Nulls pass, as with a foreign key in SQL: a key with a null in it refers to nothing.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

from lakehouse.declare.sql_text import quote
from lakehouse.errors import SuiteError
from lakehouse.quality.rules.rule import Reference, RowRule
from lakehouse.quality.rules.sql_values import NotCompiledError, column_of
from lakehouse.quality.suite.suite import Expectation

Columns = Mapping[str, str]


def reference_rule(expectation: Expectation, columns: Columns) -> RowRule:
    """A rule on rows: each key without a null must be a key of the other table.

    Raises:
        SuiteError: the arguments name no table, or not as many columns of it as of this one.
    """
    kwargs = expectation.kwargs
    own = expectation.columns
    given = kwargs.get("other_column") or kwargs.get("other_column_list") or list(own)
    others = (given,) if isinstance(given, str) else tuple(given)
    table = kwargs.get("table")
    if not isinstance(table, str) or table.count(".") != 1 or len(others) != len(own):
        raise SuiteError(
            f"{expectation.label} cannot be used: expected `table` as layer.entities, and as many columns of it as of "
            f"this one, got {len(own)} and {len(others)}.\nMend the suite; its table is not written until then."
        )
    try:
        names = [column_of(columns, name)[0] for name in own]
    except NotCompiledError as reason:
        raise SuiteError(
            f"{expectation.label} cannot be used: {reason}.\nMend the suite; its table is not written until then."
        ) from None
    text = json.dumps([table, own, others])
    flag = f"audit-reference-{hashlib.sha256(text.encode()).hexdigest()[:12]}"
    reference = Reference(flag, own, tuple(columns[name] for name in own), table, others)
    considered = f"({' AND '.join(f'{name} IS NOT NULL' for name in names)})"
    return RowRule(expectation, f"({considered} AND {quote(flag)} IS NULL)", considered, reference=reference)


REFERENCE_RULES: dict[str, Callable[[Expectation, Columns], RowRule]] = {
    "expect_column_values_to_be_in_table": reference_rule,
    "expect_compound_columns_to_be_in_table": reference_rule,
}


def observed(rule: RowRule) -> Any:
    """What a result says beside its counts: which version of which table was looked into."""
    return None if rule.reference is None else {"table": rule.reference.table, "version": rule.reference.version}
