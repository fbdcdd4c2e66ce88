"""1 % of the rows of a large table changed, at scattered keys: merged in, against the whole table made anew."""

import tempfile
import uuid
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import lineitem
from benchmarks.cost import Cost, cost, over, shown
from benchmarks.figure import Figure
from benchmarks.room import room
from lakehouse.declare.column import Column
from lakehouse.declare.write_modes import Merge, Overwrite
from lakehouse.delta.tables import Tables
from lakehouse.engine.session import Connection
from lakehouse.services import up
from lakehouse.write.batch import Batch
from lakehouse.write.door import write

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

ROWS = 5_000_000
PERCENT = 1
ROUNDS = 4
DELETING = Merge(
    on=("line_id",),
    sequence=("l_receiptdate",),
    delete_when="operation = 'delete'",
    signals=(Column("operation", "string", "upsert or delete"),),
)
ANEW = "anew"


def batch() -> Batch:
    """A batch of its own."""
    return Batch(uuid.uuid4().hex[:12], "benchmark")


def changes(rows: "DataFrame", number: int, path: Path) -> str:
    """Some of the rows with another quantity and a later day, other ones for each number, in a file of their own.

    A tenth of them says that it deletes its key.
    """
    some = rows.where(f"pmod(xxhash64(line_id, {number}), 100) < {PERCENT}")
    other = {
        "l_quantity": f"CAST(l_quantity + {number} AS DECIMAL(15,2))",
        "l_receiptdate": f"date_add(l_receiptdate, {number + 1})",
    }
    columns = [f"{other[name]} AS {name}" if name in other else name for name in rows.columns]
    operation = f"IF(pmod(xxhash64({number}, line_id), 10) = 0, 'delete', 'upsert') AS operation"
    some.selectExpr(*columns, operation).coalesce(1).write.parquet((path / str(number)).as_uri())
    return (path / str(number)).as_uri()


def run(rounds: int = ROUNDS, rows: int = ROWS) -> list[Figure]:
    """All in turns; the first round is not counted."""
    upserts = lineitem.declared("silver.merged", Merge(on=("line_id",)))
    tables = {
        "changed rows": upserts,
        "changes in order, a tenth of them deletions": replace(upserts, name="silver.deleting", write=DELETING),
        ANEW: replace(upserts, name="silver.refreshed", write=Overwrite()),
    }
    costs: dict[str, list[Cost]] = {name: [] for name in tables}
    with tempfile.TemporaryDirectory(prefix="changes-") as folder, room() as workspace:
        up(workspace)
        with Connection(workspace) as connection:
            session = connection.session()
            source = lineitem.keyed(lineitem.frame(session, rows))
            whole = source.selectExpr("*", "'upsert' AS operation")
            for number in range(-1, rounds + 1):
                some = whole if number < 0 else session.read.parquet(changes(source, number, Path(folder)))
                for name, table in tables.items():
                    rows_of = (whole if name == ANEW else some).select(*table.brought_names)
                    costs[name].append(
                        cost(workspace, partial(write, Tables(workspace), session, table, rows_of, batch()))
                    )
            count = session.table(upserts.name).count()
    # The first round fills the tables, the second one is the first of its kind.
    kept = {name: taken[2:] for name, taken in costs.items()}
    return [
        *(shown(f"{count // 100 * PERCENT:,} {name} into {count:,}", kept[name]) for name in tables if name != ANEW),
        shown(f"all {count:,} rows anew", kept[ANEW]),
        *(over(f"{name} over all anew", kept[name], kept[ANEW], "at most 0.25") for name in tables if name != ANEW),
    ]
