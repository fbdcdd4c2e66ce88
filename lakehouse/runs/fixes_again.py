"""Fixes that were made in quarantine, applied again when the rows that they were made of are read again."""

from typing import TYPE_CHECKING

from lakehouse.declare.names import helper
from lakehouse.declare.sql_text import literal, quote
from lakehouse.declare.table import Table, quarantine_of
from lakehouse.delta.tables import Tables
from lakehouse.engine.exact_json import is_exact, value_of
from lakehouse.schema.create import UNSTORABLE, UNSTORABLE_TYPE, ensure, quarantine_table
from lakehouse.write.modes.comparable import comparable
from lakehouse.write.quarantine import CAME_AGAIN, REPLAYED, without_unstorable
from lakehouse.write.quarantine_by_reference import WAITING

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession

_RAW, _FIXED, _AGE = helper("raw"), helper("fixed"), helper("age")
# What a row was before its first fix.
_FIRST = "element_at(_fixes, 1).original"


def with_fixes(tables: Tables, session: "SparkSession", table: Table, frame: "DataFrame") -> "DataFrame":
    """A frame in which each row that was fixed in quarantine has the values that it was given there.

    A row is the one that was fixed if it has all the values that that had when it was rejected. Of several fixes of
    alike rows the last one counts; fixes of rows that a person discarded do not.

    Args:
        tables: The tables that the run touches.
        session: The session.
        table: The declaration.
        frame: All rows, as the transform gives them.
    """
    from pyspark.sql import functions as F

    fixes = _fixes(tables, session, table)
    if fixes is None or set(table.brought_names) - set(frame.columns):
        return frame
    names = list(map(quote, table.brought_names))
    raw = frame.select(F.struct(*names).alias(_RAW), *names)
    rows = without_unstorable(table, raw).select(quote(_RAW), *_compared(table)).alias("r")
    alike = " AND ".join(f"r.{quote(place)} <=> q.{quote(place)}" for place in _places(table))
    joined = rows.join(F.broadcast(fixes).alias("q"), F.expr(alike), "left")
    fixed, was = f"q.{quote(_FIXED)}", f"r.{quote(_RAW)}"
    return joined.select(*(F.expr(f"IF({fixed} IS NULL, {was}.{name}, {fixed}.{name}) AS {name}") for name in names))


def _compared(table: Table) -> "list[Column]":
    """What tells a row: its values, so that they compare."""
    from pyspark.sql import functions as F

    types = {**table.types, UNSTORABLE: UNSTORABLE_TYPE}
    values = [comparable(quote(name), type_) for name, type_ in types.items()]
    return [F.expr(value).alias(place) for value, place in zip(values, _places(table), strict=True)]


def _places(table: Table) -> list[str]:
    return [helper(f"value-{place}") for place in range(len(table.brought) + 1)]


def _fixes(tables: Tables, session: "SparkSession", table: Table) -> "DataFrame | None":
    """What the fixed rows of a quarantine were, by column, and in a struct what they are; None if there are none."""
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    if tables.latest(quarantine_of(table.name)) is None:
        return None
    ensure(tables, session, quarantine_table(table))
    fixed = session.table(quote(quarantine_of(table.name))).where(
        f"(_state IN ('{WAITING}', '{REPLAYED}') OR startswith(_state_why, {literal(CAME_AGAIN)})) "
        f"AND cardinality(_fixes) > 0 AND {is_exact(_FIRST)}"
    )
    kept = value_of(_FIRST, UNSTORABLE, UNSTORABLE_TYPE)
    held = f"IF(array_contains(json_object_keys({_FIRST}), '{UNSTORABLE}'), {kept}, NULL)"
    before = [F.expr(f"{value_of(_FIRST, name, type_)} AS {quote(name)}") for name, type_ in table.types.items()]
    said = fixed.select(
        *before,
        F.expr(f"{held} AS {quote(UNSTORABLE)}"),
        F.struct(*map(quote, table.brought_names)).alias(_FIXED),
        F.col("_state_at").alias(_AGE),
    )
    shown = said.select(quote(_FIXED), quote(_AGE), *_compared(table))
    # A row of the frame must find one fix at most.
    alike = Window.partitionBy(*map(quote, _places(table))).orderBy(F.col(quote(_AGE)).desc())
    newest = shown.withColumn(_AGE, F.row_number().over(alike)).where(f"{quote(_AGE)} = 1").drop(_AGE)
    return None if newest.isEmpty() else newest
