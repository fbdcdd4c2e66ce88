"""Measure: the jobs behind a judgement. One over the rows, and one more where a rule needs what the first has found."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lakehouse.quality.measure.mask_counts import by_bit, by_mask
from lakehouse.quality.measure.masks import flags
from lakehouse.quality.measure.rows import Key, Rows
from lakehouse.quality.measure.value_counts import by_bits, by_value
from lakehouse.quality.rules.rule import AggregateRule, Grouping, RowRule

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

# What a row that the first job gives is about, where not a grouping, which has its number.
_MASK, _VALUES = -2, -1
_NO_VALUES: Mapping[str, Any] = {
    "values": 0, "repeated_rows": 0, "members": 0, "modes": None, "member_modes": None, "other_log_sum": 0.0,
}  # fmt: skip


@dataclass(frozen=True)
class Measured:
    """What was found of one part of the rows.

    Args:
        counts: Values of aggregate expressions by their SQL.
        figures: Figures of values by their grouping.
        queried: Rows that queries gave, by their SQL.
    """

    counts: dict[str, Any] = field(default_factory=dict)
    figures: dict[Grouping, Mapping[str, Any]] = field(default_factory=dict)
    queried: dict[str, int] = field(default_factory=dict)

    def count(self, predicate: str) -> int:
        """Rows of which a predicate of a row rule is true."""
        return int(self.counts[predicate])

    def values(self, rule: AggregateRule, *, whole: bool = True) -> dict[str, Any]:
        """What a rule asked for, by its names; without what comes of its second look where not `whole`."""
        values = {name: self.counts[sql] for name, sql in rule.sql}
        if rule.grouping:
            values |= self.figures.get(rule.grouping, _NO_VALUES)
        if whole and rule.then:
            values |= {name: self.counts[sql] for name, sql in rule.then(values)}
        if whole and rule.query:
            values["query_rows"] = self.queried[rule.query]
        return values


def measure(rows: Rows, row_rules: Sequence[RowRule], aggregates: Sequence[AggregateRule]) -> dict[Key, Measured]:
    """What the rules ask for, of each part of the rows. No job where they ask for nothing.

    The first job counts the rows of each mask, and beside them are an aggregate over columns and the figures of each
    grouping. A second one counts the bits of the masks where these are very many. The last is run where a rule has a
    second look or a query, or values that should be unique are not.
    """
    by_part: dict[Key, Measured] = {} if rows.by else {(): Measured()}
    _first(rows, row_rules, aggregates, by_part)
    _second(rows, aggregates, by_part)
    return by_part


def _first(
    rows: Rows, row_rules: Sequence[RowRule], aggregates: Sequence[AggregateRule], by_part: dict[Key, Measured]
) -> None:
    from pyspark.sql import functions as F

    predicates = ("true", *flags(row_rules)) if row_rules or rows.by else ()
    expressions = list(dict.fromkeys(sql for rule in aggregates for _, sql in rule.sql))
    groupings = list(dict.fromkeys(rule.grouping for rule in aggregates if rule.grouping))
    parts = [by_mask(rows, row_rules).withColumn("part", F.lit(_MASK))] if predicates else []
    parts += [_aggregate(rows, expressions)] if expressions else []
    for number, grouping in enumerate(groupings):
        parts.append((by_bits if grouping.by_bits else by_value)(rows, grouping, number))
    given = _union(parts).collect() if parts else []
    for row in given:
        measured = by_part.setdefault(rows.key_of(row), Measured())
        if row["part"] == _VALUES:
            measured.counts.update({sql: row[f"m{place}"] for place, sql in enumerate(expressions)})
        elif row["part"] != _MASK:
            measured.figures[groupings[row["part"]]] = row.asDict()
    if predicates:
        for key, counts in by_bit(rows, row_rules, [row for row in given if row["part"] == _MASK]).items():
            by_part.setdefault(key, Measured()).counts.update(zip(predicates, counts, strict=True))


def _second(rows: Rows, aggregates: Sequence[AggregateRule], by_part: dict[Key, Measured]) -> None:
    from pyspark.sql import functions as F

    looks = {
        key: [sql for rule in aggregates if rule.then for _, sql in rule.then(measured.values(rule, whole=False))]
        for key, measured in by_part.items()
    }
    expressions = list(dict.fromkeys(sql for listed in looks.values() for sql in listed))
    queries = list(dict.fromkeys(rule.query for rule in aggregates if rule.query))
    asked = [(key, query) for key in by_part for query in queries]
    repeated = _repeated(by_part)
    parts = [_aggregate(rows, expressions)] if expressions else []
    parts += [by_value(rows, grouping, len(asked) + number) for number, grouping in enumerate(repeated)]
    for place, (key, query) in enumerate(asked):
        listed = rows.table.sparkSession.sql(query, batch=rows.part(key))
        parts.append(listed.agg(F.lit(place).alias("part"), F.count(F.lit(1)).alias("query_rows")))
    for row in _union(parts).collect() if parts else ():
        if row["part"] == _VALUES:
            by_part[rows.key_of(row)].counts.update({sql: row[f"m{place}"] for place, sql in enumerate(expressions)})
        elif row["part"] >= len(asked):
            by_part[rows.key_of(row)].figures[repeated[row["part"] - len(asked)]] = row.asDict()
        else:
            key, query = asked[row["part"]]
            by_part[key].queried[query] = row["query_rows"]


def _repeated(by_part: Mapping[Key, Measured]) -> list[Grouping]:
    """The groupings of which more is asked than bits have told."""
    figures = [entry for measured in by_part.values() for entry in measured.figures.items()]
    return list(dict.fromkeys(by for by, known in figures if by.repeats and known["repeated_rows"] is None))


def _aggregate(rows: Rows, expressions: Sequence[str]) -> "DataFrame":
    """One row of values for each part of the rows, as `m0`, `m1`, ..."""
    from pyspark.sql import functions as F

    named = (F.expr(sql).alias(f"m{place}") for place, sql in enumerate(expressions))
    return rows.table.groupBy(*rows.keys()).agg(F.lit(_VALUES).alias("part"), *named)


def _union(parts: Sequence["DataFrame"]) -> "DataFrame":
    whole = parts[0]
    for part in parts[1:]:
        whole = whole.unionByName(part, allowMissingColumns=True)
    return whole
