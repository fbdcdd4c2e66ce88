"""Masks: the rules that a row breaks, as bits of a few bigint columns."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from lakehouse.declare.names import MASK
from lakehouse.quality.references import joined, without_flags
from lakehouse.quality.rules.python_predicates import register
from lakehouse.quality.rules.rule import RowRule
from lakehouse.quality.rules.sql_values import literal

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

BITS = 63


def flags(rules: Sequence[RowRule]) -> tuple[str, ...]:
    """The predicates behind the bits, in their order: what each rule calls broken, then what the rules must count.

    With the latter in the mask too, all counts of a suite come from the masks alone, and no other column is read.
    """
    counted = dict.fromkeys(predicate for rule in rules for predicate in (rule.counted, rule.considered))
    return (*(rule.broken for rule in rules), *(predicate for predicate in counted if predicate != "true"))


def bit_sql(index: int) -> str:
    """True for a row whose masks have the bit at `index`."""
    return f"({MASK}{index // BITS} & {1 << index % BITS}L) != 0"


def mask_names(rules: Sequence[RowRule]) -> tuple[str, ...]:
    """The mask columns."""
    return tuple(f"{MASK}{number}" for number in range((len(flags(rules)) + BITS - 1) // BITS))


def mask_sql(rules: Sequence[RowRule]) -> dict[str, str]:
    """The mask columns and their expressions; a rule's place in `rules` is its bit, 63 to a column.

    IF and `|`: a sum of CASEs takes a third longer, for ANSI's `+` looks for an overflow in each step
    (`python -m benchmarks masks`).
    """
    predicates = flags(rules)
    return {
        name: " | ".join(
            f"IF({predicate}, {1 << bit}L, 0L)"
            for bit, predicate in enumerate(predicates[number * BITS : (number + 1) * BITS])
        )
        for number, name in enumerate(mask_names(rules))
    }


def masked(frame: "DataFrame", rules: Sequence[RowRule]) -> "DataFrame":
    """The frame with the masks of its rows; runs nothing.

    What the rules call in Python is made known to the frame's session. References to other tables must be pinned
    (`quality/references.py`).
    """
    from pyspark.sql import functions as F

    masks = mask_sql(rules)
    register(frame.sparkSession, masks.values())
    if not masks:
        return frame
    flagged = joined(frame, rules).withColumns({name: F.expr(sql) for name, sql in masks.items()})
    return without_flags(flagged, rules)


def quarantined_sql(rules: Sequence[RowRule]) -> str:
    """True for a row that breaks a rule that sends rows to quarantine, from its masks."""
    quarantining: dict[int, int] = {}
    for index, rule in enumerate(rules):
        if rule.quarantines:
            quarantining[index // BITS] = quarantining.get(index // BITS, 0) | 1 << index % BITS
    return " OR ".join(f"({MASK}{number} & {bits}L) != 0" for number, bits in quarantining.items()) or "false"


def broken_rules_sql(rules: Sequence[RowRule]) -> str:
    """The labels of the rules that a row breaks, as array<string>, from its masks.

    Those that sent it to quarantine (critical ones) come first, then the warnings that it breaks as well.
    """
    if not rules:
        return "CAST(array() AS array<string>)"
    labels = [f"CASE WHEN {bit_sql(index)} THEN {literal(label)} END" for index, label in labels_of(rules)]
    return f"filter(array({', '.join(labels)}), label -> label IS NOT NULL)"


def labels_of(rules: Sequence[RowRule]) -> tuple[tuple[int, str], ...]:
    """Bit and label of each rule, in the order in which a row's broken rules are listed."""
    ordered = sorted(enumerate(rules), key=lambda numbered: not numbered[1].quarantines)
    return tuple((index, rule.label) for index, rule in ordered)


def broken_by(rules: Sequence[RowRule], masks: Mapping[str, int]) -> tuple[str, ...]:
    """The same in Python, for the masks of one row."""
    return broken_labels(labels_of(rules), masks)


def broken_labels(labels: Sequence[tuple[int, str]], masks: Mapping[str, int]) -> tuple[str, ...]:
    """The labels whose bits the masks of one row have."""
    return tuple(label for index, label in labels if masks[f"{MASK}{index // BITS}"] & (1 << index % BITS))
