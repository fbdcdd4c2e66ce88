"""How far a column's distribution is from an expected one: GX's Kullback-Leibler divergence, from counts alone."""

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from lakehouse.quality.rules.row_conditions import condition_sql
from lakehouse.quality.rules.rule import AggregateRule, Grouping, Outcome
from lakehouse.quality.rules.sql_values import NUMERIC, NotCompiledError, column_of, literal, members
from lakehouse.quality.suite.suite import Expectation

Columns = Mapping[str, str]
Values = Mapping[str, Any]


def kl_divergence(expectation: Expectation, columns: Columns) -> AggregateRule:
    """The rule: of values where the expected distribution has `values`, of numbers where it has `bins`."""
    kwargs = expectation.kwargs
    expected = kwargs.get("partition_object")
    if not isinstance(expected, dict):
        raise NotCompiledError("no expected distribution, so that the column is compared with itself")
    if any(kwargs.get(name) is not None for name in ("min_value", "max_value")):
        raise NotCompiledError("bounds beside the threshold")
    for name in ("threshold", "tail_weight_holdout", "internal_weight_holdout"):
        _shares([kwargs.get(name) or 0])
    if kwargs.get("bucketize_data", True) is not True and "bins" in expected:
        raise NotCompiledError("bins that are not to be used, which GX refuses")
    return (_of_values if "values" in expected else _of_numbers)(expectation, columns, expected)


def _shares(shares: Any) -> list[float]:
    if not isinstance(shares, list) or not all(_is_number(share) and share >= 0 for share in shares):
        raise NotCompiledError("shares that are no positive numbers")
    return [float(share) for share in shares]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _sums_to_one(shares: Sequence[float]) -> bool:
    return abs(sum(shares) - 1) <= 1e-8 + 1e-5  # numpy's allclose, as GX asks


def _verdict(divergence: float, threshold: float | None) -> Outcome:
    observed = divergence if math.isfinite(divergence) else None
    return Outcome(threshold is None or divergence <= threshold, observed)


def _term(share: float, expected: float) -> float:
    if share == 0:
        return 0.0
    return share * math.log(share / expected) if expected > 0 else math.inf


def _of_values(expectation: Expectation, columns: Columns, expected: Mapping[str, Any]) -> AggregateRule:
    kwargs = expectation.kwargs
    column, family = column_of(columns, kwargs.get("column"), frozenset(("string", "integral")))
    listed, shares = members(expected["values"], family), _shares(expected.get("weights"))
    if None in listed or len(set(listed)) < len(listed) or len(shares) != len(listed) or not _sums_to_one(shares):
        raise NotCompiledError("values and weights that GX refuses")
    holdout = float(kwargs.get("tail_weight_holdout") or 0)
    if kwargs.get("internal_weight_holdout") or holdout > 1:
        raise NotCompiledError("a holdout that GX refuses")
    condition = condition_sql(expectation.condition, columns)
    where = f"({condition} AND {column} IS NOT NULL)"
    counts = tuple((f"n{place}", f"count_if({where} AND {column} = {literal(v)})") for place, v in enumerate(listed))
    shown = ", ".join(literal(value) for value in listed)

    def verdict(values: Values) -> Outcome:
        seen, rows = [values[f"n{place}"] for place in range(len(listed))], values["rows"]
        others = values["values"] - values["members"]
        if not rows:
            return _verdict(math.nan, kwargs.get("threshold"))
        kept = 1 - holdout if others else 1.0
        whole = sum(share * kept for share in shares) + (holdout if others else 0)
        divergence = sum(_term(n / rows, share * kept / whole) for n, share in zip(seen, shares, strict=True))
        if others:
            share_of_others, left = holdout / others / whole, rows - sum(seen)
            known = values["other_log_sum"] - left * math.log(rows)
            divergence += (known - left * math.log(share_of_others)) / rows if share_of_others > 0 else math.inf
        return _verdict(divergence, kwargs.get("threshold"))

    grouping = Grouping((column,), where, f"{column} IN ({shown})", entropy=True)
    return AggregateRule(expectation, (("rows", f"count_if({where})"), *counts), verdict, grouping)


def _of_numbers(expectation: Expectation, columns: Columns, expected: Mapping[str, Any]) -> AggregateRule:
    kwargs = expectation.kwargs
    column, _ = column_of(columns, kwargs.get("column"), NUMERIC)
    bins, shares = expected.get("bins"), _shares(expected.get("weights"))
    tails = _shares(expected["tail_weights"]) if "tail_weights" in expected else []
    if not isinstance(bins, list) or len(bins) != len(shares) + 1 or not all(map(_is_number, bins)):
        raise NotCompiledError("bins that are no finite numbers, one more than weights")
    rising = all(low < high for low, high in pairwise(bins))
    tail, inner = (float(kwargs.get(f"{name}_weight_holdout") or 0) for name in ("tail", "internal"))
    if not rising or len(tails) not in (0, 2) or not _sums_to_one(shares + tails) or max(tail, inner) > 1:
        raise NotCompiledError("bins, weights or a holdout that GX refuses")
    if tail and tails:
        raise NotCompiledError("a holdout beside tail weights, which GX refuses")
    condition = condition_sql(expectation.condition, columns)
    kept = f"{condition} AND {column} IS NOT NULL"
    edges = [f"{float(edge)!r}D" for edge in bins]
    within = [
        f"{column} >= {low} AND {column} {'<=' if place == len(shares) - 1 else '<'} {high}"
        for place, (low, high) in enumerate(pairwise(edges))
    ]
    predicates = [f"{column} < {edges[0]}", *within, f"{column} > {edges[-1]}"]
    counts = tuple((f"n{place}", f"count_if({kept} AND {predicate})") for place, predicate in enumerate(predicates))
    expected_shares = _expected_shares(shares, tails, tail, inner)

    def verdict(values: Values) -> Outcome:
        seen = [values[f"n{place}"] for place in range(len(predicates))]
        if not values["rows"]:
            return Outcome(False)  # GX divides by the count of values, and fails
        whole, total = sum(expected_shares), sum(seen)
        terms = (_term(n / total, share / whole) for n, share in zip(seen, expected_shares, strict=True))
        return _verdict(sum(terms), kwargs.get("threshold"))

    return AggregateRule(expectation, (("rows", f"count_if({kept})"), *counts), verdict)


def _expected_shares(shares: Sequence[float], tails: Sequence[float], tail: float, inner: float) -> list[float]:
    """The expected shares below, in and above the bins, what is held out given to the tails and to empty bins."""
    scaled = [share * (1 - tail - inner) for share in shares]
    empty = sum(1 for share in scaled if share == 0)
    if inner and empty:
        scaled = [inner / empty if share == 0 else share for share in scaled]
    below, above = tails or (tail / 2, tail / 2)
    return [below, *scaled, above]
