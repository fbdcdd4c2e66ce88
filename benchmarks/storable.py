"""What it costs to look at each text and date for values that no table can hold, in the write that stages rows."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from benchmarks import lineitem
from benchmarks.cost import in_turns, over, shown
from benchmarks.figure import Figure
from benchmarks.room import big_session, room
from lakehouse.declare.write_modes import Append
from lakehouse.engine.session import Connection
from lakehouse.quality.measure.masks import masked
from lakehouse.services import up
from lakehouse.write.table_rules import STORABLE, rules_of, suite_of

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

ROUNDS = 3
ROWS = 2_000_000


def run(rounds: int = ROUNDS, rows: int = ROWS) -> list[Figure]:
    """Write rows of eight texts and dates with the mask of 30 rules: with this one, and without."""
    size = f"{rows // 1_000_000} million rows"
    with room() as workspace:
        up(workspace)
        with Connection(workspace) as connection:
            table = lineitem.declared("silver.storable", Append())
            lineitem.write_suite(workspace, table.name)
            every = rules_of(table, suite_of(workspace, table)).rows
            others = tuple(rule for rule in every if rule.expectation.type != f"declared_{STORABLE}")
            frame = lineitem.frame(big_session(connection), rows)
            ways = {
                "with": _staged(masked(frame, every), f"{workspace.home}/with"),
                "without": _staged(masked(frame, others), f"{workspace.home}/without"),
            }
            costs = in_turns(workspace, ways, rounds)
    return [
        *(shown(f"{size}, staged {way} the rule", taken) for way, taken in costs.items()),
        over(f"{size}: with the rule over without", costs["with"], costs["without"], "at most 1.05"),
    ]


def _staged(frame: "DataFrame", path: str) -> Callable[[], Any]:
    return lambda: frame.write.mode("overwrite").parquet(path)
