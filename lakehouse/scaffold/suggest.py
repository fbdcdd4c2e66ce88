"""Starting expectations: what a sample says that the next file will be like too. Guesses only warn.

A guess stands only if the sample supports it: there are enough rows, and its two halves agree. What differs between
the halves (a number that rises from row to row, a file sorted by a column, a value seen once) says nothing of the next
file, and is left out.
"""

import json
import uuid
from collections.abc import Iterator
from typing import Any

from lakehouse.scaffold.blueprint import Blueprint
from lakehouse.scaffold.profile import SampleColumn
from lakehouse.scaffold.sample import Sample

# Guesses leave room for rows that the sample does not show.
_MOSTLY = 0.95
# With fewer values a guess would be an accident: of a column with one null in twenty rows, 100 rows show no null in
# less than 1 case of 100.
_ENOUGH = 100


def suite(blueprint: Blueprint, sample: Sample | None) -> str:
    """The suite of a new table, as Great Expectations writes one."""
    name = blueprint.table.name
    expectations = [*_readable(blueprint), *(_guesses(blueprint, sample) if sample else ())]
    for expectation in expectations:
        label = json.dumps([name, expectation["type"], expectation["kwargs"]], sort_keys=True, default=str)
        expectation["id"] = str(uuid.uuid5(uuid.NAMESPACE_URL, label))
    return json.dumps({"name": name, "expectations": expectations, "meta": {}}, indent=2, ensure_ascii=False) + "\n"


def _expectation(type_: str, reason: str, severity: str = "warning", **kwargs: Any) -> dict[str, Any]:
    return {"type": type_, "kwargs": kwargs, "severity": severity, "meta": {"reason": reason}}


def _readable(blueprint: Blueprint) -> Iterator[dict[str, Any]]:
    """Rows with a text that is no value of its column wait in quarantine; too many of them stop the publish."""
    if blueprint.origin.format in ("csv", "json"):
        yield _expectation(
            "expect_column_values_to_be_null",
            "A value that is there but is no value of its type",
            "critical",
            column="_unreadable",
            mostly=0.9,
        )


def _guesses(blueprint: Blueprint, sample: Sample) -> Iterator[dict[str, Any]]:
    yield from _unique(blueprint, sample)
    required = {column.name for column in blueprint.table.columns if not column.nullable}
    for column in sample.columns:
        if column.present < _ENOUGH:
            continue
        if not column.has_nulls and column.name not in required:
            yield _expectation(
                "expect_column_values_to_not_be_null",
                _seen(sample, "is never null"),
                column=column.name,
                mostly=_MOSTLY,
            )
        if column.values:
            yield _expectation(
                "expect_column_values_to_be_in_set",
                _seen(sample, f"has {len(column.values)} values"),
                column=column.name,
                value_set=list(column.values),
                mostly=_MOSTLY,
            )
        elif column.has_bounds and column.name not in blueprint.table.key:
            yield _range(sample, column)


def _unique(blueprint: Blueprint, sample: Sample) -> Iterator[dict[str, Any]]:
    """The key of a table, if no row of the sample has the key of another one."""
    key = blueprint.table.key
    sources = [field.source for field in blueprint.fields if field.column.name in key]
    if not key or not sample.is_unique(sources):
        return
    reason = _seen(sample, "never comes twice")
    if len(key) == 1:
        yield _expectation("expect_column_values_to_be_unique", reason, column=key[0])
    else:
        yield _expectation("expect_compound_columns_to_be_unique", reason, column_list=list(key))


def _range(sample: Sample, column: SampleColumn) -> dict[str, Any]:
    """The bounds of the sample and as much again on both sides; what is never below zero stays so."""
    low, high = column.low or 0, column.high or 0
    margin = (high - low) or abs(high) or 1
    bounds: dict[str, Any] = {"min_value": 0 if low >= 0 else low - margin, "max_value": high + margin}
    return _expectation(
        "expect_column_values_to_be_between",
        _seen(sample, "lies well within"),
        column=column.name,
        **bounds,
        mostly=_MOSTLY,
    )


def _seen(sample: Sample, what: str) -> str:
    return f"A guess: in a sample of {sample.rows} rows it {what}"
