"""Bounds of whole numbers and decimals, exactly: the number of the column's own type at which the answer turns.

GX compares them as doubles, to which 9007199254740993 is 9007199254740992, and 0.100000000000000001 is 0.1. A bound is
the decimal that stands in the suite. No row has to become a double, which costs many times the comparison.
"""

import math
import re
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from typing import Any

from lakehouse.declare.types import WORDS

_DECIMAL = re.compile(r"decimal\((\d+),(\d+)\)\Z")
_BITS = {"tinyint": 7, "smallint": 15, "int": 31, "bigint": 63}
_EXACT = Context(prec=400)
_LONG_DIGITS = 18
# An interval is a whole number of microseconds, in 64 bits.
_INTERVAL_SCALE, _INTERVAL_SECONDS = 6, 9 * 10**12


def exact(bound: Any) -> Decimal | None:
    """A number of a suite as it is written there; None for what is no finite number."""
    if isinstance(bound, int):
        return Decimal(int(bound))
    # The shortest text that stands for a double is what was written, up to 17 digits.
    return Decimal(repr(bound)) if isinstance(bound, float) and math.isfinite(bound) else None


def least(column: str, bound: Any, kind: str, *, strict: bool) -> str | None:
    """SQL for `column >= bound`, or `>` where `strict`, in the column's own type.

    Args:
        column: SQL.
        bound: A number of a suite.
        kind: The column's type.
        strict: Whether the bound itself is left out.

    Returns:
        None where the column is neither a whole number nor a decimal, or the bound no finite number.
    """
    kind = _one_spelling(kind)
    steps = _steps(bound, kind)
    if steps is None:
        return None
    count = _whole(steps, ROUND_FLOOR) + 1 if strict else _whole(steps, ROUND_CEILING)
    lowest, highest = _range(kind)
    if not lowest < count <= highest:
        return "true" if count <= lowest else "false"
    return f"{column} >= {_written(count, kind)}"


def most(column: str, bound: Any, kind: str, *, strict: bool) -> str | None:
    """The same for `column <= bound`, or `<` where `strict`."""
    kind = _one_spelling(kind)
    steps = _steps(bound, kind)
    if steps is None:
        return None
    count = _whole(steps, ROUND_CEILING) - 1 if strict else _whole(steps, ROUND_FLOOR)
    lowest, highest = _range(kind)
    if not lowest <= count < highest:
        return "true" if count >= highest else "false"
    return f"{column} <= {_written(count, kind)}"


def _one_spelling(kind: str) -> str:
    word = "".join(kind.lower().split())
    return WORDS.get(word, word)


def _steps(bound: Any, kind: str) -> Decimal | None:
    """The bound in units of the type's last digit."""
    number = exact(bound)
    return (
        None if number is None or not (kind in _BITS or _DECIMAL.match(kind)) else number.scaleb(_scale(kind), _EXACT)
    )


def _whole(steps: Decimal, rounding: str) -> int:
    return int(steps.to_integral_value(rounding, _EXACT))


def _scale(kind: str) -> int:
    match = _DECIMAL.match(kind)
    return int(match[2]) if match else 0


def _range(kind: str) -> tuple[int, int]:
    """The least and the greatest number of a type, in units of its last digit."""
    match = _DECIMAL.match(kind)
    if match:
        return 1 - 10 ** int(match[1]), 10 ** int(match[1]) - 1
    return -(2 ** _BITS[kind]), 2 ** _BITS[kind] - 1


def _written(count: int, kind: str) -> str:
    """A number of a type, as SQL."""
    match = _DECIMAL.match(kind)
    if match is None:
        return f"CAST('{count}' AS {kind})"
    precision, scale = int(match[1]), int(match[2])
    number = Decimal(count).scaleb(-scale, _EXACT)
    # A literal of a decimal, and a string cast to one, hold a BigDecimal, and to compare with it Spark makes another
    # of each row (org.apache.spark.sql.types.Decimal.compare): 75 ns for two bounds. An interval becomes a decimal
    # that holds a long, as those of the rows do.
    is_long = precision <= _LONG_DIGITS and scale <= _INTERVAL_SCALE and abs(number) < _INTERVAL_SECONDS
    text = f"INTERVAL '{number:f}' SECOND" if is_long else f"'{number:f}'"
    return f"CAST({text} AS {kind})"
