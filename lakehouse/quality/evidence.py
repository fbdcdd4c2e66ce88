"""The rows that a failed rule on the whole is about: the keys that are there twice, the values outside of a set."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from lakehouse.declare.names import helper
from lakehouse.declare.sql_text import quote
from lakehouse.quality.compile import row_rule_of
from lakehouse.quality.measure.masks import bit_sql, broken_rules_sql, mask_names, masked
from lakehouse.quality.rules.rule import RowRule
from lakehouse.quality.suite.expectation import Expectation

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

# So many rows of a batch are kept for all of its failed rules.
LIMIT = 100
_AS_ROWS = {
    "expect_column_distinct_values_to_be_in_set": "expect_column_values_to_be_in_set",
    "expect_column_distinct_values_to_equal_set": "expect_column_values_to_be_in_set",
}
_REASONS = "_broken_rules"


def evidence_rules(expectations: Sequence[Expectation], columns: Mapping[str, str]) -> list[RowRule]:
    """Rules that tell the rows that expectations are about; none for those that are about no row, such as a count.

    Args:
        expectations: What failed.
        columns: Types of the rows' columns by name.
    """
    rules = [row_rule_of(_as_rows(expectation), columns) for expectation in expectations]
    return [rule for rule in rules if rule is not None]


def _as_rows(expectation: Expectation) -> Expectation:
    kind = _AS_ROWS.get(expectation.type)
    if kind is None:
        return replace(expectation, severity="critical")
    kwargs = {name: expectation.kwargs[name] for name in ("column", "value_set") if name in expectation.kwargs}
    # The words stay those of the expectation.
    return replace(expectation, type=kind, kwargs=kwargs, severity="critical", description=expectation.label)


def evidence(frame: "DataFrame", rules: Sequence[RowRule], limit: int = LIMIT) -> "DataFrame":
    """The rows that break some rules, with the rules' labels in `_broken_rules`: `limit` of them at most.

    Args:
        frame: The rows.
        rules: As `evidence_rules` gives them.
        limit: Rows.
    """
    from pyspark.sql import functions as F

    judged = masked(frame, rules).withColumn(_REASONS, F.expr(broken_rules_sql(rules)))
    return judged.where(f"cardinality({quote(_REASONS)}) > 0").drop(*mask_names(rules)).limit(limit)


def among(whole: "DataFrame", frame: "DataFrame", rules: Sequence[RowRule]) -> "tuple[DataFrame, tuple[RowRule, ...]]":
    """Rows, and rules for them, where a rule that compares rows does so among all that they become part of.

    Args:
        whole: All rows, these included.
        frame: The rows that are asked for.
        rules: As `evidence_rules` gives them.

    Returns:
        The rows with a further column for each such rule, and the rules by which `evidence` judges them.
    """
    from pyspark.sql import functions as F

    told: list[RowRule] = []
    for number, rule in enumerate(rules):
        names, flag = rule.expectation.columns, helper(f"twice_{number}")
        if not rule.needs_shuffle or not set(names) <= set(frame.columns):
            told.append(rule)
            continue
        twice = masked(whole, [rule]).where(bit_sql(0)).select(*map(quote, names)).distinct()
        is_same = [F.col(f"came.{quote(name)}").eqNullSafe(F.col(f"twice.{quote(name)}")) for name in names]
        came = frame.alias("came").join(twice.withColumn(flag, F.lit(True)).alias("twice"), is_same, "left")
        frame = came.select("came.*", F.coalesce(F.col(f"twice.{quote(flag)}"), F.lit(False)).alias(flag))
        told.append(replace(rule, broken=f"({quote(flag)} AND {rule.considered})", needs_shuffle=False))
    return frame, tuple(told)


def in_words(rows: "DataFrame", expectations: Sequence[Expectation], limit: int = LIMIT) -> dict[str, list[str]]:
    """What the columns of expectations have in rows of evidence, as texts, by label; for a person's eyes alone.

    Args:
        rows: With the labels of the rules that each row is about, in `_broken_rules`.
        expectations: Whose rows are asked for.
        limit: Rows.

    Returns:
        Each text once, in the order of the rows; nothing for an expectation that no row is about. Values of a rule on
        several columns stand with their names.
    """
    from pyspark.sql import functions as F

    types = dict(rows.dtypes)
    names = [name for name in dict.fromkeys(n for rule in expectations for n in rule.columns) if name in types]
    as_text = [
        (F.hex(quote(name)) if types[name] == "binary" else F.col(quote(name)).cast("string")).alias(f"{number}")
        for number, name in enumerate(names)
    ]
    labels = F.array(*(F.lit(rule.label) for rule in expectations))
    asked = rows.where(F.arrays_overlap(F.col(_REASONS), labels)).limit(limit)
    texts: dict[str, dict[str, None]] = {}
    for reasons, *values in asked.select(_REASONS, *as_text).collect():
        said = dict(zip(names, ("null" if value is None else value for value in values), strict=True))
        for rule in expectations:
            own = [name for name in rule.columns if name in said]
            if rule.label in reasons and own:
                text = said[own[0]] if len(own) == 1 else ", ".join(f"{name} = {said[name]}" for name in own)
                texts.setdefault(rule.label, {})[text] = None
    return {label: list(values) for label, values in texts.items()}
