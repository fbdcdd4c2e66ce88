"""Assets of one row, for figures that are about what surrounds the row.

Run as `python -m benchmarks.one_row NUMBER`, one asset is materialised in this process.
"""

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lakehouse.dagster.table_asset import TableAsset
from lakehouse.declare.column import Column
from lakehouse.declare.table import Table
from lakehouse.declare.write_modes import Append
from lakehouse.engine.session import Connection
from lakehouse.sources.kinds import KINDS
from lakehouse.sources.source import ReadContext, SourceKind
from lakehouse.workspace import current_workspace
from lakehouse.write.batch import Published

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

COLUMNS = (
    Column("id", "bigint", "The number of the run", nullable=False),
    Column("name", "string", "A name of it"),
    Column("value", "double", "A number"),
)


def table(name: str) -> Table:
    """A table that each run adds a row to."""
    return Table(name, columns=COLUMNS, grain="one row per run of the benchmark", write=Append())


SINGLE = table("silver.single")


def row(number: int) -> tuple[int, str, float]:
    """The row of a run."""
    return number, f"n{number}", number / 3


@dataclass(frozen=True)
class OneRow:
    """An input that has one new row at each number."""

    number: int


def _position_of_one_row(source: OneRow, context: ReadContext) -> int:  # noqa: ARG001 - one signature for all inputs
    return source.number


def _load_one_row(source: OneRow, context: ReadContext, since: Any, position: int) -> "DataFrame":  # noqa: ARG001 - as above
    return context.connect().createDataFrame([row(position)], SINGLE.schema)


KINDS[OneRow] = SourceKind(_position_of_one_row, _load_one_row)


def same(rows: "DataFrame") -> "DataFrame":
    """The rows as they are."""
    return rows


def single(number: int) -> TableAsset:
    """The asset of one row, with its row of this number still to come."""
    return TableAsset(SINGLE, same, {"rows": OneRow(number)})


def materialize(connection: Connection, number: int) -> Published:
    """Bring the row of this number into `silver.single`."""
    return single(number).materialize(connection)


if __name__ == "__main__":
    with Connection(current_workspace()) as opened:
        print(materialize(opened, int(sys.argv[1])).version)
