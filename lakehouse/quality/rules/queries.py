"""Expectations that are queries: SQL of the suite's own over the rows, and the count of another table."""

import re
from collections.abc import Callable, Mapping
from string import Formatter
from typing import Any

from lakehouse.declare.sql_text import quote
from lakehouse.quality.rules.rule import AggregateRule, Outcome
from lakehouse.quality.rules.sql_values import NotCompiledError
from lakehouse.quality.suite.suite import Expectation

Columns = Mapping[str, str]
Values = Mapping[str, Any]
_TABLE = re.compile(r"\w+(\.\w+){0,2}\Z")


def _unexpected_rows(expectation: Expectation, _columns: Columns) -> AggregateRule:
    query = expectation.kwargs.get("unexpected_rows_query")
    if not isinstance(query, str) or not query.strip():
        raise NotCompiledError("no query")
    try:
        fields = [part[1:] for part in Formatter().parse(query) if part[1] is not None]
    except ValueError:
        raise NotCompiledError("a query with braces that do not pair, which GX refuses") from None
    if any(field != ("batch", "", None) for field in fields):
        raise NotCompiledError("a query with a placeholder other than {batch}, which GX refuses")
    if expectation.condition:
        raise NotCompiledError("a query with a row condition, which belongs into the query")

    def verdict(values: Values) -> Outcome:
        return Outcome(values["query_rows"] == 0, values["query_rows"])

    return AggregateRule(expectation, (), verdict, query=query.rstrip("; \t\r\n\v\f"))


def _as_many_as(expectation: Expectation, _columns: Columns) -> AggregateRule:
    other = expectation.kwargs.get("other_table_name")
    if not isinstance(other, str) or not _TABLE.match(other) or expectation.condition:
        raise NotCompiledError("another table that is not `layer.entities`, or a row condition")

    def verdict(values: Values) -> Outcome:
        own, others = values["rows"], values["query_rows"]
        return Outcome(own == others, {"self": own, "other": others})

    return AggregateRule(expectation, (("rows", "count(1)"),), verdict, query=f"SELECT 1 FROM {quote(other)}")


QUERY_RULES: dict[str, Callable[[Expectation, Columns], AggregateRule]] = {
    "unexpected_rows_expectation": _unexpected_rows,
    "expect_table_row_count_to_equal_other_table": _as_many_as,
}
