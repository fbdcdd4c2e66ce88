"""What the values of a sample's column are like, as far as its two halves agree."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

# A set has so few values, and each of them comes so often.
_FEW, _OFTEN = 12, 5
# The share of each half that lies within the bounds of the other, if the halves agree.
_AGREE = 0.9
_NUMBERS = ("tinyint", "smallint", "int", "bigint", "float", "double")
_IN_SETS = ("string", "tinyint", "smallint", "int", "bigint")


@dataclass(frozen=True)
class SampleColumn:
    """One column of a sample.

    Args:
        name: As a column is called.
        source: As the file calls it.
        type: Spark SQL type.
        has_nulls: Whether a value is missing.
        present: Values that are there.
        is_unique: Whether no value comes twice.
        values: The distinct values, if they are few and each half of the sample has all of them.
        low: Lowest number, if the halves agree; whole for whole numbers.
        high: Highest number, if the halves agree; whole for whole numbers.
    """

    name: str
    source: str
    type: str
    has_nulls: bool
    present: int = 0
    is_unique: bool = False
    values: tuple[Any, ...] = ()
    low: float | int | None = None
    high: float | int | None = None

    @property
    def has_bounds(self) -> bool:
        """Whether the sample supports a lowest and a highest number."""
        return self.low is not None and self.high is not None


def profiled(name: str, source: str, type_: str, values: "pa.ChunkedArray") -> SampleColumn:
    """A column with what its values say.

    Args:
        name: As a column is called.
        source: As the file calls it.
        type_: Spark SQL type.
        values: In the file's order.
    """
    import pyarrow.compute as pc

    present = values.drop_null()
    has_nulls = values.null_count > 0
    is_number = type_ in _NUMBERS or type_.startswith("decimal")
    if not len(present) or type_.startswith(("struct", "array", "map", "binary")):
        return SampleColumn(name, source, type_, has_nulls, len(present))
    distinct = pc.unique(present)
    is_unique = len(distinct) == len(values) > 1
    members = _set_of(present, distinct) if type_ in _IN_SETS else ()
    # Whole numbers that never come twice are most likely names of things, which grow.
    is_name = is_unique and type_ in _IN_SETS
    low, high = _bounds(present) if is_number and not is_name else (None, None)
    return SampleColumn(name, source, type_, has_nulls, len(present), is_unique, members, low, high)


def _halves(values: "pa.ChunkedArray") -> "tuple[pa.ChunkedArray, pa.ChunkedArray]":
    middle = len(values) // 2
    return values.slice(0, middle), values.slice(middle)


def _set_of(present: "pa.ChunkedArray", distinct: "pa.Array") -> tuple[Any, ...]:
    """The distinct values, if they are few, come again and again, and are the same in both halves.

    One value alone is no set: a file that is sorted by the column looks so.
    """
    if not 1 < len(distinct) <= _FEW or len(distinct) * _OFTEN > len(present):
        return ()
    first, second = (set(half.unique().to_pylist()) for half in _halves(present))
    return tuple(sorted(first)) if first == second else ()


def _bounds(present: "pa.ChunkedArray") -> tuple[float | int | None, float | int | None]:
    """Lowest and highest, if most of each half lies within the bounds of the other."""
    import math

    import pyarrow.compute as pc

    first, second = _halves(present)
    if not len(first):
        return None, None
    for half, other in ((first, second), (second, first)):
        bounds = pc.min_max(half)
        inside = pc.and_(pc.greater_equal(other, bounds["min"]), pc.less_equal(other, bounds["max"]))
        if (pc.sum(inside).as_py() or 0) < _AGREE * len(other):
            return None, None
    low, high = (_plain(bound) for bound in pc.min_max(present).as_py().values())
    return (low, high) if math.isfinite(low) and math.isfinite(high) else (None, None)


def _plain(bound: Any) -> float | int:
    return bound if isinstance(bound, int) else float(bound)
