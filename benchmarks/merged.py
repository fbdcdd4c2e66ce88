"""1 % of the rows of a large table changed, at scattered keys: merged in, against the whole table made anew."""

import tempfile
import uuid
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import lineitem
from benchmarks.cost import Cost, cost, over, shown
from benchmarks.figure import Figure
from benchmarks.room import room
from lakehouse.modes import Merge, Overwrite
from lakehouse.services import up
from lakehouse.session import Connection
from lakehouse.write.batch import Batch
from lakehouse.write.door import write

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

ROWS = 5_000_000
PERCENT = 1
ROUNDS = 4


def batch() -> Batch:
    """A batch of its own."""
    return Batch(uuid.uuid4().hex[:12], "benchmark")


def changes(rows: "DataFrame", number: int, path: Path) -> str:
    """Some of the rows with another quantity, other ones for each number, in a file of their own."""
    some = rows.where(f"pmod(xxhash64(line_id, {number}), 100) < {PERCENT}")
    columns = [
        f"CAST({name} + {number} AS DECIMAL(15,2)) AS {name}" if name == "l_quantity" else name for name in rows.columns
    ]
    some.selectExpr(*columns).coalesce(1).write.parquet((path / str(number)).as_uri())
    return (path / str(number)).as_uri()


def run(rounds: int = ROUNDS, rows: int = ROWS) -> list[Figure]:
    """Alternate the two; the first round is not counted."""
    merged = lineitem.declared("silver.merged", Merge(on=("line_id",)))
    refreshed = replace(merged, name="silver.refreshed", write=Overwrite())
    few: list[Cost] = []
    all_of_it: list[Cost] = []
    with tempfile.TemporaryDirectory(prefix="changes-") as folder, room() as workspace:
        up(workspace)
        with Connection(workspace) as connection:
            session = connection.session()
            source = lineitem.keyed(lineitem.frame(session, rows))
            write(workspace, session, merged, source, batch())
            for number in range(rounds + 1):
                changed = session.read.parquet(changes(source, number, Path(folder)))
                few.append(cost(workspace, lambda: write(workspace, session, merged, changed, batch())))  # noqa: B023
                all_of_it.append(cost(workspace, lambda: write(workspace, session, refreshed, source, batch())))
            count = session.table(merged.name).count()
    return [
        shown(f"{count // 100 * PERCENT:,} changed rows into {count:,}", few[1:]),
        shown(f"all {count:,} rows anew", all_of_it[1:]),
        over("changed over all anew", few[1:], all_of_it[1:], "at most 0.25"),
    ]
