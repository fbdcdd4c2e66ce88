"""A chain of assets of one row, each reading what is new in the one before, against bare writes of the same frames."""

import statistics
from collections.abc import Callable, Iterator
from functools import partial
from itertools import count
from typing import TYPE_CHECKING

from benchmarks.figure import Figure, alternated, seconds, timing
from benchmarks.one_row import OneRow, row, same, table
from benchmarks.room import room
from lakehouse.dagster.run_job import run_job
from lakehouse.dagster.table_asset import TableAsset
from lakehouse.engine.session import CONNECTION, Connection
from lakehouse.services import up

if TYPE_CHECKING:
    import dagster as dg

LENGTH = 20
ROUNDS = 4
_BARE = f"{LENGTH} frames of one row by bare Delta appends"
_DOOR = f"the same as a chain of {LENGTH} assets, in a loop"
_JOB = f"the same as a Dagster job of {LENGTH} assets"


def chain(number: int) -> list[TableAsset]:
    """The assets, with the row of this number still to come."""
    tables = [table(f"silver.link_{place:02}") for place in range(LENGTH)]
    sources = [OneRow(number), *(before.changes() for before in tables[:-1])]
    return [TableAsset(declared, same, {"rows": source}) for declared, source in zip(tables, sources, strict=True)]


def bare(connection: Connection, number: int) -> float:
    """What the engine alone needs: read the row from the table before, append it to the next."""

    def work() -> None:
        session, home = connection.session(), connection.workspace.home
        frame = session.createDataFrame([row(number)], "id bigint, name string, value double")
        for place in range(LENGTH):
            path = f"{home}/bare/link_{place:02}"
            frame.write.format("delta").mode("append").save(path)
            frame = session.read.format("delta").load(path).where(f"id = {number}")

    return seconds(work)


def door(connection: Connection, number: int) -> float:
    """Through the door, one after the other."""
    return seconds(lambda: [asset.materialize(connection) for asset in chain(number)])


def job(connection: Connection, number: int) -> float:
    """Through Dagster, recorded as a run of the workspace."""
    graph = _graph(connection, chain(number))
    return seconds(lambda: run_job(connection.workspace, graph, say=lambda _: None))


def _next(way: Callable[[Connection, int], float], connection: Connection, numbers: Iterator[int]) -> float:
    return way(connection, next(numbers))


def _graph(connection: Connection, assets: list[TableAsset]) -> "dg.JobDefinition":
    import dagster as dg

    definitions = dg.Definitions(
        assets=[asset.definition for asset in assets],
        resources={CONNECTION: connection},
        jobs=[dg.define_asset_job("links", dg.AssetSelection.all())],
        executor=dg.in_process_executor,
    )
    return definitions.resolve_job_def("links")


def run(rounds: int = ROUNDS) -> list[Figure]:
    """Alternate the three; the first two rounds make the tables and warm the server, and are not counted."""
    numbers = count(1)
    with room() as workspace:
        up(workspace)
        with Connection(workspace) as connection:
            ways: dict[str, Callable[[Connection, int], float]] = {_BARE: bare, _DOOR: door, _JOB: job}
            bound = {name: partial(_next, way, connection, numbers) for name, way in ways.items()}
            times = {name: values[2:] for name, values in alternated(bound, rounds + 2).items()}
    own = statistics.median(times[_BARE])
    return [
        *(timing(name, values) for name, values in times.items()),
        *(
            Figure(
                f"over the engine's own, each asset, {how}",
                (statistics.median(times[name]) - own) / LENGTH,
                "s",
                "at most 0.3 s",
            )
            for how, name in (("in a loop", _DOOR), ("in Dagster", _JOB))
        ),
    ]
