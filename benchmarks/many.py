"""Many small merges in a row: whether the last are as quick as the first."""

import statistics
import uuid

from benchmarks.figure import Figure, seconds, timing
from benchmarks.room import room
from lakehouse.modes import Merge
from lakehouse.services import up
from lakehouse.session import Connection
from lakehouse.table import Column, Table
from lakehouse.write.batch import Batch
from lakehouse.write.door import write

COLUMNS = (
    Column("id", "bigint", "Key"),
    Column("value", "double", "A number"),
    Column("sent_at", "timestamp", "UTC"),
)
MERGES, EDGE, WARM = 200, 20, 10
ROWS_THERE, ROWS_EACH = 100_000, 200


def run(rounds: int = MERGES) -> list[Figure]:
    """Merge `rounds` small batches, half of them known keys, scattered; a few before do not count."""
    table = Table("silver.many", columns=COLUMNS, grain="one row per id", write=Merge(("id",), ("sent_at",)))
    times: list[float] = []
    with room() as workspace:
        up(workspace)
        with Connection(workspace) as connection:
            session = connection.session()

            def merge(number: int, rows: int) -> None:
                frame = session.range(rows).selectExpr(
                    f"pmod(xxhash64(id, {number}), {2 * ROWS_THERE}) AS id",
                    "rand() AS value",
                    f"timestamp_seconds(1767225600 + {number}) AS sent_at",
                )
                write(workspace, session, table, frame, Batch(uuid.uuid4().hex[:12], "benchmark"))

            merge(0, ROWS_THERE)
            for number in range(1, WARM + 1):
                merge(number, ROWS_EACH)
            for number in range(WARM + 1, WARM + rounds + 1):
                times.append(seconds(lambda: merge(number, ROWS_EACH)))  # noqa: B023
    first, last = times[:EDGE], times[-EDGE:]
    ratio = statistics.median(last) / statistics.median(first)
    return [
        timing(f"one of the first {EDGE} merges of {ROWS_EACH} rows", first),
        timing(f"one of the last {EDGE} of {rounds}", last),
        Figure("the last over the first", ratio, "ratio", "at most 1.3", "of medians"),
    ]
