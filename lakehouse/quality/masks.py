"""Masks: the rules that a row breaks, as bits of a few bigint columns."""

from collections.abc import Mapping, Sequence

from lakehouse.quality.rules import RowRule
from lakehouse.quality.values import text

BITS = 63
PREFIX = "audit_mask_"


def mask_columns(count: int) -> tuple[str, ...]:
    """Names of the mask columns for so many rules."""
    return tuple(f"{PREFIX}{number}" for number in range((count + BITS - 1) // BITS))


def bit_sql(index: int) -> str:
    """True for a row whose mask says that it breaks the rule at `index`."""
    return f"({PREFIX}{index // BITS} & {1 << index % BITS}L) != 0"


def mask_sql(rules: Sequence[RowRule]) -> dict[str, str]:
    """The mask columns and their expressions; a rule's place in `rules` is its bit, 63 to a column."""
    return {
        name: " + ".join(
            f"(CASE WHEN {rule.broken} THEN {1 << bit}L ELSE 0L END)"
            for bit, rule in enumerate(rules[number * BITS : (number + 1) * BITS])
        )
        for number, name in enumerate(mask_columns(len(rules)))
    }


def broken_rules_sql(rules: Sequence[RowRule]) -> str:
    """The labels of the rules that a row breaks, as array<string>, from its masks."""
    if not rules:
        return "CAST(array() AS array<string>)"
    each = [f"CASE WHEN {bit_sql(index)} THEN {text(rule.label)} END" for index, rule in enumerate(rules)]
    return f"filter(array({', '.join(each)}), label -> label IS NOT NULL)"


def broken_by(rules: Sequence[RowRule], masks: Mapping[str, int]) -> tuple[str, ...]:
    """The same in Python, for the masks of one row."""
    return tuple(
        rule.label
        for index, rule in enumerate(rules)
        if masks[f"{PREFIX}{index // BITS}"] & (1 << index % BITS)
    )
