"""Rows to judge: their columns, their masks, and what parts them."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lakehouse.declare.sql_text import quote

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

Key = tuple[Any, ...]


@dataclass(frozen=True)
class Rows:
    """The rows to judge.

    Args:
        masked: The mask columns, beside the columns of `by` at least.
        table: The table's columns, which aggregates and queries see.
        by: Columns whose values part the rows into what is judged by itself; all together where there are none. A
            timestamp counts by its microseconds since 1970 in UTC: it comes from the engine as a local time, of which
            there are two alike when a clock is put back.
    """

    masked: "DataFrame"
    table: "DataFrame"
    by: tuple[str, ...] = ()

    @property
    def parts(self) -> tuple[str, ...]:
        """What the columns of `by` are called in figures."""
        return tuple(f"by{place}" for place in range(len(self.by)))

    def keys(self) -> "list[Column]":
        """The columns of `by`, under these names."""
        return [self._value(name).alias(part) for name, part in zip(self.by, self.parts, strict=True)]

    def _value(self, name: str) -> "Column":
        from pyspark.sql import functions as F

        column = F.col(quote(name))
        return F.unix_micros(column) if self.table.schema[name].dataType.typeName() == "timestamp" else column

    def key_of(self, row: Any) -> Key:
        """The part that a row of figures is about."""
        return tuple(row[part] for part in self.parts)

    def part(self, key: Key) -> "DataFrame":
        """The table's columns of one part."""
        from pyspark.sql import functions as F

        rows = self.table
        for name, value in zip(self.by, key, strict=True):
            rows = rows.where(self._value(name).eqNullSafe(F.lit(value)))
        return rows
