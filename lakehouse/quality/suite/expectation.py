"""One rule of a suite: what GX's JSON says of it, its words and its name. Pure."""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

_COLUMN_KEYS = ("column", "column_A", "column_B", "column_list")
_DOMAIN_KEYS = (
    *_COLUMN_KEYS,
    "mostly",
    "row_condition",
    "condition_parser",
    "ignore_row_if",
    "strict_min",
    "strict_max",
)


@cache
def known_types() -> Mapping[str, Mapping[str, Sequence[str]]]:
    """GX's core types, their `kwargs` and the `required` ones: data generated from GX, held by a test."""
    return dict(json.loads(Path(__file__).with_name("gx_types.json").read_text()))


# Types of ours, for what Great Expectations has no type for. They are about single rows.
OWN_TYPES: Mapping[str, Mapping[str, Sequence[str]]] = {
    "expect_column_values_to_be_in_table": {
        "kwargs": ("column", "mostly", "row_condition", "condition_parser", "table", "other_column"),
        "required": ("column", "table"),
    },
    "expect_compound_columns_to_be_in_table": {
        "kwargs": ("column_list", "mostly", "row_condition", "condition_parser", "table", "other_column_list"),
        "required": ("column_list", "table"),
    },
}


@cache
def all_types() -> Mapping[str, Mapping[str, Sequence[str]]]:
    """The types that a suite can have: GX's core types and ours."""
    return {**known_types(), **OWN_TYPES}


# What an expectation speaks of, by this word in its `meta`: the rows that a run brings, or the table with them.
SCOPE, BATCH, TABLE = "scope", "batch", "table"


@dataclass(frozen=True)
class Condition:
    """Which rows an expectation is about.

    Args:
        row_condition: GX's condition: a string in the parser's language, or a condition object as JSON.
        parser: `great_expectations`, `spark` or `pandas`, for strings.
    """

    row_condition: str | Mapping[str, Any]
    parser: str | None = None

    def __str__(self) -> str:
        """The condition as in the file."""
        return (
            self.row_condition
            if isinstance(self.row_condition, str)
            else json.dumps(self.row_condition, sort_keys=True)
        )


@dataclass(frozen=True)
class Expectation:
    """One rule of a suite.

    Args:
        type: GX's name of it, such as `expect_column_values_to_be_between`.
        kwargs: Its arguments as in the file, without `mostly` and the condition.
        id: GX's id, if the file has one.
        severity: `critical` (GX's default), `warning` or `info`.
        mostly: The share of considered rows that must hold.
        condition: Which rows it is about; all where None.
        meta: Free notes of the file.
        notes: Free text of the file.
        ordinal: 1, or 2, 3, ... for a rule that its suite has more than once.
        description: The rule in the words of who wrote it.
    """

    type: str
    kwargs: Mapping[str, Any]
    id: str | None = None
    severity: str = "critical"
    mostly: float = 1.0
    condition: Condition | None = None
    meta: Mapping[str, Any] = field(default_factory=dict)
    notes: str | None = None
    ordinal: int = 1
    description: str | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that it is about, none for a rule on the table."""
        names: list[str] = []
        for key in _COLUMN_KEYS:
            value = self.kwargs.get(key)
            names += [value] if isinstance(value, str) else list(value or ())
        return tuple(names)

    @property
    def column(self) -> str | None:
        """The column, where there is one."""
        return ", ".join(self.columns) or None

    @property
    def scope(self) -> str | None:
        """`batch` or `table`, as the file says it; None if it does not."""
        return self.meta.get(SCOPE)

    @property
    def label(self) -> str:
        """The rule in a few words: its description, else such as `age_years: values_between(1,120)`."""
        return self.description or self._words

    @property
    def _words(self) -> str:
        """Words that stay the same as long as the rule does."""
        if self.type.startswith("declared_"):
            return f"{self.column or 'table'}: {self.type.removeprefix('declared_')} (declared)"
        parts = [f"{self.column or 'table'}: {_short(self.type)}{_arguments(self.kwargs)}"]
        if self.condition:
            parts.append(f"where {self.condition}")
        if self.ordinal > 1:
            parts.append(f"#{self.ordinal}")
        return " ".join(parts)

    @property
    def check_name(self) -> str:
        """A name of `[A-Za-z0-9_]`, unique in its suite. Another description does not change it."""
        base = replace(self, ordinal=1)._words
        name = re.sub(r"[^A-Za-z0-9]+", "_", base).strip("_")
        if len(name) > 80 or not base.isascii():
            name = f"{name[:72].rstrip('_')}_{hashlib.sha256(base.encode()).hexdigest()[:6]}"
        return name if self.ordinal == 1 else f"{name}_{self.ordinal}"

    @property
    def digest(self) -> str:
        """Of all that decides about its result: a result of a rule that stood otherwise says nothing of this one."""
        condition = self.condition and [str(self.condition), self.condition.parser]
        decides = [self.type, self.kwargs, self.severity, self.mostly, condition, self.meta]
        return hashlib.sha256(json.dumps(decides, sort_keys=True, default=str).encode()).hexdigest()[:16]

    def to_gx(self) -> dict[str, Any]:
        """The rule as GX's own JSON. One of our types is no rule of GX: see `rules/references.py`."""
        kwargs = dict(self.kwargs)
        if "mostly" in known_types().get(self.type, {}).get("kwargs", ()):
            kwargs["mostly"] = self.mostly
        if self.condition:
            kwargs["row_condition"] = self.condition.row_condition
            kwargs |= {"condition_parser": self.condition.parser} if self.condition.parser else {}
        fields = {"type": self.type, "kwargs": kwargs, "severity": self.severity, "meta": dict(self.meta)}
        said = {"notes": self.notes, "description": self.description}
        return fields | {name: text for name, text in said.items() if text}


def expectation_of(fields: Mapping[str, Any]) -> Expectation:
    """An expectation from GX's JSON; taken as it is, nothing is checked."""
    kwargs = dict(fields.get("kwargs") or {})
    mostly = kwargs.pop("mostly", None)
    condition, parser = kwargs.pop("row_condition", None), kwargs.pop("condition_parser", None)
    notes = fields.get("notes")
    return Expectation(
        type=fields["type"],
        kwargs=kwargs,
        id=fields.get("id"),
        severity=fields.get("severity") or "critical",
        mostly=1.0 if mostly is None else float(mostly),
        condition=Condition(condition, parser) if condition else None,
        meta=fields.get("meta") or {},
        notes="\n".join(notes) if isinstance(notes, list) else notes,
        description=fields.get("description") or None,
    )


def numbered(expectations: Sequence[Expectation]) -> Iterator[Expectation]:
    """The expectations, those of one name told apart by their ordinal."""
    seen: dict[str, int] = {}
    for expectation in expectations:
        name = expectation.check_name.lower()
        seen[name] = seen.get(name, 0) + 1
        yield replace(expectation, ordinal=seen[name])


def _short(kind: str) -> str:
    name = re.sub(r"^expect_(column_|table_)?", "", kind)
    name = re.sub(r"_to_not_(be_)?", "_not_", name)
    return re.sub(r"^to_|_expectation$", "", re.sub(r"_to_(be_)?", "_", name))


def _arguments(kwargs: Mapping[str, Any]) -> str:
    rest = {key: value for key, value in kwargs.items() if key not in _DOMAIN_KEYS}
    bounds = ""
    if "min_value" in kwargs or "max_value" in kwargs:
        low, high = rest.pop("min_value", None), rest.pop("max_value", None)
        left, right = ("(" if kwargs.get("strict_min") else "["), (")" if kwargs.get("strict_max") else "]")
        plain = not (kwargs.get("strict_min") or kwargs.get("strict_max"))
        text = f"{_plain(low)},{_plain(high)}"
        bounds = text if plain else f"{left}{text}{right}"
    listed = [bounds] if bounds else []
    for value in rest.values():
        if value is not None and value is not False:
            listed.append(_plain(value))
    text = ", ".join(listed)
    if len(text) > 60:
        text = f"{text[:50]}...{hashlib.sha256(text.encode()).hexdigest()[:6]}"
    return f"({text})" if text else ""


def _plain(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
