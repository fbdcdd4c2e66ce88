"""Figures of groupings: how many values there are, and how often they occur."""

from typing import TYPE_CHECKING

from lakehouse.quality.measure.rows import Rows
from lakehouse.quality.rules.rule import Grouping

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def by_bits(rows: Rows, grouping: Grouping, number: int) -> "DataFrame":
    """The figures of a grouping by whole numbers for each part of the rows: a row for each 64 numbers, then one.

    The numbers of 64 neighbours are the bits of one bigint. Keys mostly come in sequence, and then a sixty-fourth of
    the rows is left to be brought together; of scattered keys there are as many as before
    (`python -m benchmarks unique`). `repeated_rows` is 0 where there are as many values as rows. Else it is null: bits
    do not tell which number occurs twice.
    """
    from pyspark.sql import functions as F

    (key,) = grouping.keys
    neighbours = F.expr(f"shiftright(CAST({key} AS bigint), 6)").alias("k0")
    bits = F.expr(f"bit_or(shiftleft(1L, CAST({key} & 63 AS int)))").alias("bits")
    grouped = rows.table.where(grouping.where).groupBy(*rows.keys(), neighbours)
    # Without numbers are the nulls, which are one value.
    values = "coalesce(sum(coalesce(bit_count(bits), 1)), 0)"
    figures = {
        "part": str(number),
        "values": values,
        "repeated_rows": f"CASE WHEN coalesce(sum(times), 0) = {values} THEN 0L END",
        "members": "0L",
    }
    return (
        grouped.agg(bits, F.expr("count(1)").alias("times"))
        .groupBy(*rows.parts)
        .agg(*(F.expr(sql).alias(name) for name, sql in figures.items()))
    )


def by_value(rows: Rows, grouping: Grouping, number: int) -> "DataFrame":
    """All figures of a grouping for each part of the rows: a row for each value, then one for each part."""
    from pyspark.sql import functions as F

    keys = [F.expr(key).alias(f"k{place}") for place, key in enumerate(grouping.keys)]
    member = {"is_member": f"any_value({grouping.member})"} if grouping.member != "false" else {}
    counts = {"times": "count(1)", **member}
    grouped = rows.table.where(grouping.where).groupBy(*rows.keys(), *keys)
    values = grouped.agg(*(F.expr(sql).alias(name) for name, sql in counts.items()))
    figures = {
        "part": str(number),
        "values": "count(1)",
        "repeated_rows": "coalesce(sum(CASE WHEN times > 1 THEN times END), 0)",
        "members": "count_if(is_member)" if member else "0L",
    }
    if grouping.entropy:
        figures["other_log_sum"] = "coalesce(sum(CASE WHEN NOT is_member THEN times * ln(times) END), 0D)"
    if grouping.modes:
        several = values.groupBy(*rows.parts, "times")
        values = several.agg(F.expr("count(1)").alias("n"), F.expr("count_if(is_member)").alias("m"))
        figures |= {
            "values": "coalesce(sum(n), 0)",
            "repeated_rows": "coalesce(sum(CASE WHEN times > 1 THEN times * n END), 0)",
            "members": "coalesce(sum(m), 0)",
            "modes": "max_by(n, times)",
            "member_modes": "max_by(m, times)",
        }
    return values.groupBy(*rows.parts).agg(*(F.expr(sql).alias(name) for name, sql in figures.items()))
