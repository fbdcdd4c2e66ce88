"""How the values of a column of whole numbers are counted: by the bits of 64 neighbours, or one by one."""

from functools import partial
from typing import Any

from benchmarks.cost import in_turns, over, shown
from benchmarks.figure import Figure
from benchmarks.room import room
from lakehouse.engine.session import Connection
from lakehouse.engine.work_settings import one_job_each
from lakehouse.quality.measure.rows import Rows
from lakehouse.quality.measure.value_counts import by_bits, by_value
from lakehouse.quality.rules.rule import Grouping
from lakehouse.services import up

ROUNDS = 5
ROWS = 3_000_000
KEYS = {"in sequence": "id", "scattered": "xxhash64(id)"}
WAYS = {"by bits": by_bits, "one by one": by_value}


def run(rounds: int = ROUNDS, rows: int = ROWS) -> list[Figure]:
    """Distinct keys, in sequence and scattered over all of bigint."""
    grouping = Grouping(("key",), "key IS NOT NULL", repeats=True, whole=True)
    figures: list[Figure] = []
    with room() as workspace:
        up(workspace)
        with Connection(workspace) as connection:
            session = connection.session()
            for kind, key in KEYS.items():
                path = f"{workspace.home}/{kind}"
                session.range(rows).selectExpr(f"{key} AS key").write.parquet(path)
                table = session.read.parquet(path)
                works = {name: partial(_count, Rows(table, table), way, grouping) for name, way in WAYS.items()}
                costs = in_turns(workspace, works, rounds)
                size = f"{rows // 1_000_000} million keys {kind}"
                figures += [shown(f"{size}: {name}", taken) for name, taken in costs.items()]
                figures.append(over(f"keys {kind}, by bits over one by one", costs["by bits"], costs["one by one"]))
    return figures


def _count(rows: Rows, way: Any, grouping: Grouping) -> None:
    with one_job_each(rows.table):
        way(rows, grouping, 0).collect()
