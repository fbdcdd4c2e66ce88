"""Many small merges in a row: whether the last are as quick as the first, upkeep included."""

import statistics
import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING

from benchmarks.figure import Figure, seconds
from benchmarks.room import room
from lakehouse.declare.column import Column
from lakehouse.declare.table import Table
from lakehouse.declare.write_modes import Merge
from lakehouse.delta.history import history, open_table
from lakehouse.delta.tables import Tables
from lakehouse.engine.session import Connection
from lakehouse.services import up
from lakehouse.workspace import Workspace
from lakehouse.write.batch import Batch
from lakehouse.write.door import write

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

COLUMNS = (
    Column("id", "bigint", "Key"),
    Column("value", "double", "A number"),
    Column("sent_at", "timestamp", "UTC"),
)
MERGES, EDGE, WARM = 200, 20, 10
ROWS_THERE, ROWS_EACH = 100_000, 200


def declared(name: str, *properties: tuple[str, str], clustered_by: tuple[str, ...] = ()) -> Table:
    """A table that is merged into."""
    return Table(
        name,
        columns=COLUMNS,
        grain="one row per id",
        write=Merge(("id",), ("sent_at",)),
        clustered_by=clustered_by,
        properties=properties,
    )


def merges(workspace: Workspace, session: "SparkSession", table: Table) -> Iterator[float]:
    """Seconds of one small merge after the other, half of the keys known, scattered; a few before do not count."""

    def merge(number: int, rows: int) -> None:
        frame = session.range(rows).selectExpr(
            f"pmod(xxhash64(id, {number}), {2 * ROWS_THERE}) AS id",
            "rand() AS value",
            f"timestamp_seconds(1767225600 + {number}) AS sent_at",
        )
        write(Tables(workspace), session, table, frame, Batch(uuid.uuid4().hex[:12], "benchmark"))

    merge(0, ROWS_THERE)
    number = 1
    while True:
        took = seconds(lambda: merge(number, ROWS_EACH))  # noqa: B023
        if number > WARM:
            yield took
        number += 1


def run(rounds: int = MERGES) -> list[Figure]:
    """Merge `rounds` small batches into a table as the library makes it."""
    table = declared("silver.many")
    with room() as workspace:
        up(workspace)
        with Connection(workspace) as connection:
            source = merges(workspace, connection.session(), table)
            times = [next(source) for _ in range(rounds)]
        kept_up = sum(
            commit.note is not None and commit.note.upkeep is not None for commit in history(workspace, table.name)
        )
        delta = open_table(workspace, table.name)
        files = 0 if delta is None else len(delta.file_uris())
    return [*edges(times), Figure("upkeep commits", kept_up, "of the table", "", f"{files} files at the end")]


def edges(times: list[float]) -> list[Figure]:
    """The first and the last of many."""
    first, last = times[:EDGE], times[-EDGE:]
    means = statistics.mean(first), statistics.mean(last)
    medians = statistics.median(first), statistics.median(last)
    return [
        Figure(f"mean of the first {EDGE} merges of {ROWS_EACH} rows", means[0], "s", "", _spread(first)),
        Figure(f"mean of the last {EDGE} of {len(times)}", means[1], "s", "", _spread(last)),
        Figure("the last over the first", means[1] / means[0], "ratio", "at most 1.3", "of means, upkeep included"),
        Figure("the same without the slowest", medians[1] / medians[0], "ratio", "", "of medians"),
    ]


def _spread(times: list[float]) -> str:
    return f"median {statistics.median(times):.2f}, {min(times):.2f} to {max(times):.2f}"
