"""What keeps many small merges quick: upkeep, deletion vectors and clustering, each with and without."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING
from unittest.mock import patch

from benchmarks.figure import Figure, seconds, timing
from benchmarks.many import EDGE, declared, merges
from benchmarks.room import room
from lakehouse.declare.table import Table
from lakehouse.delta.history import open_table
from lakehouse.engine.session import Connection
from lakehouse.services import up

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

ROUNDS = 60
VECTORS = "delta.enableDeletionVectors"
# Table, and whether it is kept up.
WAYS: Mapping[str, tuple[Table, bool]] = {
    "vectors, upkeep": (declared("silver.vectors_kept", (VECTORS, "true")), True),
    "vectors, no upkeep": (declared("silver.vectors_left", (VECTORS, "true")), False),
    "copies, upkeep": (declared("silver.copies_kept", (VECTORS, "false")), True),
    "copies, no upkeep": (declared("silver.copies_left", (VECTORS, "false")), False),
    "vectors, clustered, upkeep": (declared("silver.clustered", (VECTORS, "true"), clustered_by=("id",)), True),
}


@contextmanager
def _without_upkeep() -> Iterator[None]:
    with ExitStack() as stack:
        stack.enter_context(patch("lakehouse.write.door.keep_up", lambda *_: ()))
        stack.enter_context(patch("lakehouse.write.ops_checks._keep_up", lambda *_: None))
        yield


def run(rounds: int = ROUNDS) -> list[Figure]:
    """Merge round by round into one table of each layout; then read all of each."""
    measured: dict[str, list[float]] = {name: [] for name in WAYS}
    figures: list[Figure] = []
    with room() as workspace:
        up(workspace)
        with Connection(workspace) as connection:
            session = connection.session()
            sources = {name: merges(workspace, session, table) for name, (table, _) in WAYS.items()}
            for _ in range(rounds):
                for name, (_, kept) in WAYS.items():
                    with ExitStack() as stack:
                        if not kept:
                            stack.enter_context(_without_upkeep())
                        measured[name].append(next(sources[name]))
            for name, (table, _) in WAYS.items():
                figures += _of(name, measured[name], _reads(session, table))
                delta = open_table(workspace, table.name)
                figures.append(Figure(f"{name}: files", len(delta.file_uris()) if delta else 0, "files"))
    return figures


def _of(name: str, times: list[float], reads: list[float]) -> list[Figure]:
    edge = min(EDGE, len(times) // 3)
    return [
        Figure(f"{name}: mean of all merges", sum(times) / len(times), "s", "", f"longest {max(times):.2f}"),
        timing(f"{name}: first {edge}", times[:edge]),
        timing(f"{name}: last {edge}", times[-edge:]),
        timing(f"{name}: all rows read", reads),
    ]


def _reads(session: "SparkSession", table: Table) -> list[float]:
    return [seconds(session.sql(f"SELECT sum(value) FROM {table.name}").collect) for _ in range(5)][1:]
