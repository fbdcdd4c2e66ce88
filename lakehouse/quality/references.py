"""References to other tables: pinned to a version before rows are judged, then joined as flags."""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from lakehouse.declare.sql_text import quote
from lakehouse.declare.types import types_of
from lakehouse.delta.history import open_table
from lakehouse.errors import SuiteError, near_miss
from lakehouse.quality.rules.rule import Compiled, Reference, RowRule
from lakehouse.quality.rules.sql_values import NUMERIC, family_of
from lakehouse.workspace import Workspace

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_AGAIN = "Mend the suite, or make that table first; the suite's own table is not written until then."


def pinned(workspace: Workspace, compiled: Compiled) -> Compiled:
    """The rules, each reference to another table at that table's present version.

    Raises:
        SuiteError: there is no such table, or no such column in it, or a column of another kind.
    """
    if not any(rule.reference for rule in compiled.rows):
        return compiled
    pins: dict[Reference, Reference] = {}
    for rule in compiled.rows:
        if rule.reference and rule.reference not in pins:
            pins[rule.reference] = _pin(workspace, rule.label, rule.reference)
    rows = tuple(replace(rule, reference=pins[rule.reference]) if rule.reference else rule for rule in compiled.rows)
    return replace(compiled, rows=rows)


def _pin(workspace: Workspace, label: str, reference: Reference) -> Reference:
    delta = open_table(workspace, reference.table)
    if delta is None:
        raise SuiteError(
            f"{label} cannot be used: there is no table {reference.table} in {workspace.warehouse}.\n{_AGAIN}"
        )
    theirs = types_of(json.loads(delta.schema().to_json()))
    for name, type_, other in zip(reference.columns, reference.types, reference.other_columns, strict=True):
        if other not in theirs:
            near = near_miss(other, list(theirs))
            raise SuiteError(
                f"{label} cannot be used: `{other}` is no column of {reference.table}"
                + (f" (did you mean `{near}`?)" if near else "")
                + f".\n{_AGAIN}"
            )
        if not _is_alike(type_, theirs[other]):
            raise SuiteError(
                f"{label} cannot be used: `{name}` is {type_}, and `{other}` of {reference.table} is "
                f"{theirs[other]}.\n{_AGAIN}"
            )
    return replace(reference, version=delta.version())


def _is_alike(type_: str, other: str) -> bool:
    """Whether values of the types can be the same key: numbers with numbers, else one family."""
    families = {family_of(type_), family_of(other)}
    return "other" not in families and (len(families) == 1 or families <= NUMERIC)


def joined(frame: "DataFrame", rules: Sequence[RowRule]) -> "DataFrame":
    """The frame with a flag for each reference: true for a row whose key is in the other table, else null.

    No row comes twice: the keys of the other table are distinct.
    """
    from pyspark.sql import functions as F

    for reference in dict.fromkeys(rule.reference for rule in rules if rule.reference):
        aliases = [f"{reference.flag}-{place}" for place in range(len(reference.columns))]
        keys = frame.sparkSession.sql(_keys_sql(reference, aliases))
        pairs = zip(reference.columns, aliases, strict=True)
        is_same = " AND ".join(f"{quote(name)} = {quote(alias)}" for name, alias in pairs)
        frame = frame.join(keys, F.expr(is_same), "left").drop(*aliases)
    return frame


def without_flags(frame: "DataFrame", rules: Sequence[RowRule]) -> "DataFrame":
    """The frame as it was, and what was made of the flags."""
    return frame.drop(*dict.fromkeys(rule.reference.flag for rule in rules if rule.reference))


def _keys_sql(reference: Reference, aliases: Sequence[str]) -> str:
    named = zip(reference.other_columns, aliases, strict=True)
    columns = ", ".join(f"{quote(other)} AS {quote(alias)}" for other, alias in named)
    present = " AND ".join(f"{quote(other)} IS NOT NULL" for other in reference.other_columns)
    if reference.version is None:
        raise SuiteError(f"the reference to {reference.table} has no version; pin the rules before rows are judged.")
    return (
        f"SELECT DISTINCT {columns}, true AS {quote(reference.flag)} "
        f"FROM {quote(reference.table)} VERSION AS OF {reference.version} WHERE {present}"
    )
