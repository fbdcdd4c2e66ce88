"""Suites: reads GX's own JSON from `expectations/`. Pure; what cannot be right is an error at load time."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lakehouse.errors import SuiteError, near_miss
from lakehouse.quality.suite.expectation import (
    BATCH,
    SCOPE,
    TABLE,
    Condition,
    Expectation,
    all_types,
    expectation_of,
    known_types,
    numbered,
)

__all__ = ["Condition", "Expectation", "Suite", "all_types", "expectation_of", "known_types", "load_suite", "numbered"]

SEVERITIES = ("critical", "warning", "info")
# Keys of great_expectations.expectations.expectation_configuration.ExpectationConfiguration (1.24).
_KEYS = frozenset(
    ("type", "kwargs", "id", "meta", "severity", "notes", "description", "rendered_content", "expectation_context")
)
# These two ask whether a column is there: naming one that is not is their business.
_MAY_MISS_COLUMNS = frozenset(("expect_column_to_exist", "expect_table_columns_to_match_ordered_list"))


@dataclass(frozen=True)
class Suite:
    """The expectations of one table.

    Args:
        name: As in the file, or the file's `layer.entities`.
        path: The file.
        expectations: In the file's order.
    """

    name: str
    path: Path
    expectations: tuple[Expectation, ...]


def load_suite(path: Path, columns: Mapping[str, str] | None) -> Suite | None:
    """Read a suite; None where there is no file.

    Args:
        path: The file.
        columns: Types of the table's columns by name; None where they are not known, then no column name is checked.

    Raises:
        SuiteError: malformed JSON, an unknown type, key, column or severity, a missing key, a bad `mostly`, a null
            in a set of values, an id given twice.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    where = "/".join(path.parts[-3:])
    try:
        content = json.loads(text)
    except json.JSONDecodeError as error:
        raise SuiteError(
            f"{where} cannot be read: {error.msg} at line {error.lineno}, column {error.colno}.\n"
            f"Mend the JSON there; its table is not written until then."
        ) from None
    listed = content.get("expectations") if isinstance(content, dict) else None
    if not isinstance(listed, list):
        raise SuiteError(f"{where} cannot be used: expected an object with a list `expectations`, as GX writes it.")
    problems = list(_problems(listed, columns))
    if problems:
        lines = "\n".join(f"  {problem}" for problem in problems)
        raise SuiteError(f"{where} cannot be used.\n{lines}\nMend the file; its table is not written until then.")
    name = content.get("name") or ".".join(path.with_suffix("").parts[-2:])
    return Suite(str(name), path, tuple(numbered([expectation_of(fields) for fields in listed])))


def _problems(listed: Sequence[Any], columns: Mapping[str, str] | None) -> Iterator[str]:
    ids: dict[str, int] = {}
    for number, fields in enumerate(listed, start=1):
        if not isinstance(fields, dict):
            yield f"expectation {number}: expected an object, got {type(fields).__name__}"
            continue
        identity = fields.get("id")
        where = f"expectation {number}" + (f" (id {identity})" if identity else "")
        if identity and identity in ids:
            yield f"{where}: the id is also that of expectation {ids[identity]}"
        ids.setdefault(str(identity), number)
        yield from (f"{where}: {problem}" for problem in _problems_of(fields, columns))


def _problems_of(fields: Mapping[str, Any], columns: Mapping[str, str] | None) -> Iterator[str]:
    kind, kwargs = fields.get("type"), fields.get("kwargs", {})
    known = all_types().get(str(kind))
    if known is None:
        yield f"unknown type `{kind}`{_hint(str(kind), list(all_types()))}"
        return
    yield from (f"unknown key `{key}`{_hint(key, sorted(_KEYS))}" for key in sorted(set(fields) - _KEYS))
    if fields.get("severity", "critical") not in SEVERITIES:
        yield f"{kind}: severity is one of {', '.join(SEVERITIES)}, got `{fields['severity']}`"
    meta = fields.get("meta") or {}
    if isinstance(meta, dict) and meta.get(SCOPE, BATCH) not in (BATCH, TABLE):
        yield f"{kind}: `{SCOPE}` in its meta is `{BATCH}` or `{TABLE}`, got `{meta[SCOPE]}`"
    if not isinstance(kwargs, dict):
        yield f"{kind}: kwargs is an object, got {type(kwargs).__name__}"
        return
    yield from (f"{kind}: {problem}" for problem in _argument_problems(str(kind), kwargs, columns))


def _argument_problems(kind: str, kwargs: Mapping[str, Any], columns: Mapping[str, str] | None) -> Iterator[str]:
    known = all_types()[kind]
    strange = [key for key in kwargs if key not in known["kwargs"]]
    yield from (f"unknown argument `{key}`{_hint(key, known['kwargs'])}" for key in strange)
    yield from (f"argument `{key}` is missing" for key in known["required"] if key not in kwargs)
    for key, value in kwargs.items():
        if isinstance(value, dict) and "$PARAMETER" in value:
            yield f"argument `{key}` is a suite parameter, which has no value here; write the value"
    if isinstance(kwargs.get("value_set"), list) and None in kwargs["value_set"]:
        yield (
            "a null in `value_set`: no value equals it, and SQL's IN (..., NULL) would let every row pass. Leave it "
            "out; nulls are not looked at, and expect_column_values_to_not_be_null asks for them"
        )
    mostly = kwargs.get("mostly")
    if mostly is not None and (isinstance(mostly, bool) or not isinstance(mostly, int | float) or not 0 <= mostly <= 1):
        yield f"mostly is a number from 0 to 1, got `{mostly}`"
    if columns is not None and kind not in _MAY_MISS_COLUMNS:
        unknown = [name for name in Expectation(kind, kwargs).columns if name not in columns]
        yield from (f"`{name}` is no column of the table{_hint(str(name), list(columns))}" for name in unknown)


def _hint(name: str, candidates: Sequence[str]) -> str:
    near = near_miss(name, candidates)
    return f" (did you mean `{near}`?)" if near else ""
