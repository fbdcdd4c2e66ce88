"""Starting expectations: what a sample says that its table will be like. Guesses only warn; the user sharpens them."""

import json
import uuid
from collections.abc import Iterator
from typing import Any

from lakehouse.scaffold.blueprint import Blueprint
from lakehouse.scaffold.sample import Sample, SampleColumn

# Guesses leave room for rows that the sample does not show.
_MOSTLY = 0.95


def suite(blueprint: Blueprint, sample: Sample | None) -> str:
    """The suite of a new table, as Great Expectations writes one."""
    name = blueprint.table.name
    found = [*_readable(blueprint), *(_guesses(blueprint, sample) if sample else ())]
    for expectation in found:
        label = json.dumps([name, expectation["type"], expectation["kwargs"]], sort_keys=True, default=str)
        expectation["id"] = str(uuid.uuid5(uuid.NAMESPACE_URL, label))
    return json.dumps({"name": name, "expectations": found, "meta": {}}, indent=2, ensure_ascii=False) + "\n"


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
    required = {column.name for column in blueprint.table.columns if not column.nullable}
    for column in sample.columns:
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
        elif column.low is not None and column.name not in blueprint.table.key:
            yield _range(sample, column)
    key = blueprint.table.key
    unique = {column.name for column in sample.columns if column.is_unique}
    if len(key) == 1 and set(key) <= unique:
        yield _expectation("expect_column_values_to_be_unique", _seen(sample, "never comes twice"), column=key[0])


def _range(sample: Sample, column: SampleColumn) -> dict[str, Any]:
    """The bounds of the sample and as much again on both sides; what is never below zero stays so."""
    low, high = column.low or 0.0, column.high or 0.0
    span = (high - low) or abs(high) or 1.0
    bounds: dict[str, Any] = {"min_value": 0.0 if low >= 0 else low - span, "max_value": high + span}
    if column.type not in ("float", "double"):
        bounds = {name: int(value) for name, value in bounds.items()}
    return _expectation(
        "expect_column_values_to_be_between",
        _seen(sample, "lies well within"),
        column=column.name,
        **bounds,
        mostly=_MOSTLY,
    )


def _seen(sample: Sample, what: str) -> str:
    return f"A guess: in a sample of {sample.rows} rows it {what}"
