"""Decimals against a double: the decimal at which the answer turns, so that no row has to become a double.

Spark compares the two as doubles, and making one of a decimal costs many times the comparison. Rounding to the nearest
double never changes the order of two decimals, so there is one decimal from which on the answer is another.
"""

import math
import re
from collections.abc import Callable, Iterable
from decimal import ROUND_FLOOR, Context, Decimal
from typing import Any

_TYPE = re.compile(r"\s*decimal\((\d+)\s*,\s*(\d+)\)\s*\Z", re.IGNORECASE)
_EXACT = Context(prec=400)
_LONG_DIGITS = 18
# An interval is a whole number of microseconds, in 64 bits.
_INTERVAL_SCALE, _INTERVAL_SECONDS = 6, 9 * 10**12


def least(column: str, bound: Any, kind: str, *, strict: bool) -> str | None:
    """SQL for `column >= bound`, or `>` where `strict`, by a decimal of the column's own type `kind`.

    Returns:
        None where the column is no decimal, or its decimals lie as close to the bound as doubles do.
    """
    edge = _edge(
        bound,
        kind,
        range(-2, 4),
        (lambda candidate: candidate > bound) if strict else (lambda candidate: candidate >= bound),
    )
    return edge and f"{column} >= {edge}"


def most(column: str, bound: Any, kind: str, *, strict: bool) -> str | None:
    """The same for `column <= bound`, or `<` where `strict`."""
    edge = _edge(
        bound,
        kind,
        range(3, -3, -1),
        (lambda candidate: candidate < bound) if strict else (lambda candidate: candidate <= bound),
    )
    return edge and f"{column} <= {edge}"


def _edge(bound: Any, kind: str, offsets: Iterable[int], holds: Callable[[float], bool]) -> str | None:
    match = _TYPE.match(kind)
    if not match or not isinstance(bound, float) or not math.isfinite(bound):
        return None
    precision, scale = int(match[1]), int(match[2])
    step = Decimal(1).scaleb(-scale)
    # Then the doubles about the bound are closer than the decimals, and the one that is looked for is next to it.
    if math.ulp(bound) * 4 >= step:
        return None
    first = int(_EXACT.divide(Decimal(bound), step).to_integral_value(ROUND_FLOOR))
    near = (_EXACT.multiply(Decimal(first + offset), step) for offset in offsets)
    edge = next((candidate for candidate in near if holds(float(candidate))), None)
    if edge is None or abs(edge) >= Decimal(10) ** (precision - scale):
        return None
    # A literal of a decimal, and a string cast to one, hold a BigDecimal, and to compare with it Spark makes another
    # of each row (org.apache.spark.sql.types.Decimal.compare): 75 ns for two bounds. An interval becomes a decimal
    # that holds a long, as those of the rows do.
    is_long = precision <= _LONG_DIGITS and scale <= _INTERVAL_SCALE and abs(edge) < _INTERVAL_SECONDS
    number = f"INTERVAL '{edge:f}' SECOND" if is_long else f"'{edge:f}'"
    return f"CAST({number} AS decimal({precision},{scale}))"
