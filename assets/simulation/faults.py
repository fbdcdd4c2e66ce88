"""What goes wrong on the way from a bracelet: each kind with its share, and how the house must answer."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

PUBLISHED = "published"
SUPERSEDED = "superseded"
DEDUPLICATED = "deduplicated"
BRONZE_QUARANTINE = "quarantine.bronze_readings"
SILVER_QUARANTINE = "quarantine.silver_readings"

Record = dict[str, Any]


@dataclass(frozen=True)
class Rule:
    """A rule that a line breaks, as quarantine names it, without the rule's values.

    Args:
        column: The column.
        name: `values_between` and the like for an expectation, `not_null` for the declaration's own.
    """

    column: str
    name: str

    def __str__(self) -> str:
        """The beginning of the label in `_broken_rules`, up to the values."""
        return f"{self.column}: {self.name}"


@dataclass(frozen=True)
class Fault:
    """One kind of broken line.

    Args:
        kind: Its name in the ledger.
        share: Of all lines.
        text: The broken line, from the good record and a source of chance.
        fate: Where the line must end.
        rules: What it must be found guilty of.
    """

    kind: str
    share: float
    text: Callable[[Record, Random], str]
    fate: str
    rules: tuple[Rule, ...]


def line_of(record: Record) -> str:
    """A record as the bracelet sends it."""
    return json.dumps(record)


def _with(**values: float | str | None) -> Callable[[Record, Random], str]:
    return lambda record, _: line_of(record | values)


def _without(*names: str) -> Callable[[Record, Random], str]:
    return lambda record, _: line_of({name: value for name, value in record.items() if name not in names})


def _truncated(record: Record, random: Random) -> str:
    text = line_of(record)
    return text[: random.randint(1, len(text) - 1)]


def _log_line(record: Record, _: Random) -> str:
    return f"bracelet of {record['wearer_id']} restarted"


def _two_in_one(record: Record, _: Random) -> str:
    return line_of(record) + line_of(record)


def _not_json(kind: str, text: Callable[[Record, Random], str]) -> Fault:
    rule = Rule("is_json", "values_in_set")
    return Fault(kind, 0.0005, text, BRONZE_QUARANTINE, (rule,))


def _silver(kind: str, share: float, text: Callable[[Record, Random], str], *rules: Rule) -> Fault:
    return Fault(kind, share, text, SILVER_QUARANTINE, rules)


def _range(column: str) -> Rule:
    return Rule(column, "values_between")


def _set(column: str) -> Rule:
    return Rule(column, "values_in_set")


_UNREADABLE = Rule("_unreadable", "values_null")

FAULTS = (
    _not_json("line cut off", _truncated),
    _not_json("line of text", _log_line),
    _not_json("array instead of object", lambda record, _: json.dumps(list(record.values()))),
    _not_json("two readings in one line", _two_in_one),
    _silver("reading_id null", 0.001, _with(reading_id=None), Rule("reading_id", "not_null")),
    _silver("reading_id absent", 0.001, _without("reading_id"), Rule("reading_id", "not_null")),
    _silver("wearer_id null", 0.001, _with(wearer_id=None), Rule("wearer_id", "not_null")),
    _silver("age negative", 0.0005, _with(age=-4), _range("age_years")),
    _silver("heart rate 400", 0.0005, _with(thalach=400), _range("max_heart_rate_bpm")),
    _silver("blood pressure 0", 0.0005, _with(trestbps=0), _range("resting_bp_mmhg")),
    _silver("cholesterol 5000", 0.0005, _with(chol=5000), _range("cholesterol_mg_dl")),
    _silver("ST depression -3.5", 0.0005, _with(oldpeak=-3.5), _range("st_depression_mm")),
    _silver("chest pain 9", 0.0005, _with(cp=9), _set("chest_pain_code")),
    _silver("sex 5", 0.0005, _with(sex=5), _set("sex_code")),
    _silver(
        "two impossible values",
        0.0005,
        _with(thalach=0, thal=5),
        _range("max_heart_rate_bpm"),
        _set("thal_code"),
    ),
    _silver("number is a word", 0.0005, _with(thalach="fast"), _UNREADABLE),
    _silver("number too big", 0.0005, _with(chol=99_999_999_999), _UNREADABLE),
    _silver("code with a fraction", 0.0005, _with(slope=1.5), _UNREADABLE),
    _silver("read_at no time", 0.0005, _with(read_at="yesterday"), _UNREADABLE, Rule("read_at", "not_null")),
)
