"""What two rows for a history cost by its columns, with a rule on the table that the write makes."""

from collections.abc import Callable, Iterator
from itertools import count
from typing import TYPE_CHECKING, Any

from benchmarks.cost import in_turns, over, shown
from benchmarks.figure import Figure
from benchmarks.room import room, write_rules
from lakehouse.declare.column import Column
from lakehouse.declare.table import Table
from lakehouse.declare.write_modes import Scd2
from lakehouse.delta.tables import Tables
from lakehouse.engine.session import Connection
from lakehouse.services import up
from lakehouse.workspace import Workspace
from lakehouse.write.batch import Batch
from lakehouse.write.door import write

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

ROUNDS = 5
NARROW, WIDE = 2, 24
UNIQUE = {
    "type": "expect_compound_columns_to_be_unique",
    "kwargs": {"column_list": ["id", "changed_at"]},
    "severity": "critical",
    "meta": {"scope": "table"},
}


def run(rounds: int = ROUNDS) -> list[Figure]:
    """Write two changes to a history of few columns and to one of many, in turns; half of them structs."""
    with room() as workspace:
        up(workspace)
        with Connection(workspace) as connection:
            session = connection.session()
            ways = {f"{number} columns": _writes(workspace, session, number) for number in (NARROW, WIDE)}
            costs = in_turns(workspace, ways, rounds)
    few, many = costs.values()
    return [
        *(shown(f"two changes, {name}", taken) for name, taken in costs.items()),
        over(f"two changes: {WIDE} columns over {NARROW}", many, few, "at most 2"),
    ]


def _writes(workspace: Workspace, session: "SparkSession", number: int) -> Callable[[], Any]:
    """Each call writes two changes of the same two keys."""
    others = (Column(f"c{n}", "struct<a:bigint,b:int>" if n % 2 else "string", "One of many") for n in range(number))
    columns = (Column("id", "bigint", "Key"), Column("changed_at", "int", "Sequence"), *others)
    mode = Scd2(on=("id",), sequence=("changed_at",))
    table = Table(f"silver.histories_of_{number}", columns=columns, grain="one row per change", write=mode)
    write_rules(workspace, table.name, [UNIQUE])
    moments: Iterator[int] = count(1)

    def two_changes() -> None:
        at = next(moments)
        values = [(at, at) if n % 2 else f"word {at}" for n in range(number)]
        frame = session.createDataFrame([(key, at, *values) for key in (1, 2)], table.schema)
        write(Tables(workspace), session, table, frame, Batch(f"run{number}of{at}", "rows"))

    return two_changes
