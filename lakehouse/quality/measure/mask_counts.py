"""Counts: how many rows have each bit of the masks.

Most rows have one of few masks. So the rows of each mask are counted first, which takes a quarter of the time of
looking at each bit of each row (`python -m benchmarks masks`). Few masks are taken apart here, for to plan one more
expression for each bit takes the server longer than to count.
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from lakehouse.quality.measure.masks import BITS, bit_sql, flags, mask_names
from lakehouse.quality.measure.rows import Key, Rows
from lakehouse.quality.rules.rule import RowRule

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

# More masks than this, of all parts together, are taken apart by the server.
MOST = 10_000


def by_mask(rows: Rows, rules: Sequence[RowRule]) -> "DataFrame":
    """How many rows of each part have each mask, as `n`: all, or `MOST` and one more."""
    return _by_mask(rows, rules).limit(MOST + 1)


def by_bit(rows: Rows, rules: Sequence[RowRule], masks: Sequence[Any]) -> dict[Key, list[int]]:
    """How many rows each part has, and how many have each bit. One job where there are too many masks.

    Args:
        rows: The rows.
        rules: Their rules.
        masks: What `by_mask` gave.
    """
    return _summed(rows, rules) if len(masks) > MOST else _taken_apart(rows, rules, masks)


def _by_mask(rows: Rows, rules: Sequence[RowRule]) -> "DataFrame":
    from pyspark.sql import functions as F

    return rows.masked.groupBy(*rows.keys(), *mask_names(rules)).agg(F.expr("count(1)").alias("n"))


def _taken_apart(rows: Rows, rules: Sequence[RowRule], masks: Iterable[Any]) -> dict[Key, list[int]]:
    names, bits = mask_names(rules), range(len(flags(rules)))
    counts: dict[Key, list[int]] = {} if rows.by else {(): [0] * (1 + len(bits))}
    for row in masks:
        of_part = counts.setdefault(rows.key_of(row), [0] * (1 + len(bits)))
        mask = sum(row[name] << BITS * number for number, name in enumerate(names))
        of_part[0] += row["n"]
        for bit in bits:
            if mask >> bit & 1:
                of_part[1 + bit] += row["n"]
    return counts


def _summed(rows: Rows, rules: Sequence[RowRule]) -> dict[Key, list[int]]:
    from pyspark.sql import functions as F

    sums = ["sum(n)", *(f"sum(IF({bit_sql(bit)}, n, 0L))" for bit in range(len(flags(rules))))]
    named = [F.expr(sql).alias(f"c{place}") for place, sql in enumerate(sums)]
    summed = _by_mask(rows, rules).groupBy(*rows.parts).agg(*named).collect()
    return {rows.key_of(row): [row[f"c{place}"] for place in range(len(sums))] for row in summed}
