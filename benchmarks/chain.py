"""A chain of assets of one row, each reading what is new in the one before, against bare writes of the same frames."""

import statistics
from itertools import count

from benchmarks.figure import Figure, alternated, seconds, timing
from benchmarks.one_row import OneRow, row, same, table
from benchmarks.room import room
from lakehouse.services import up
from lakehouse.session import Connection
from lakehouse.table_asset import TableAsset

LENGTH = 20
ROUNDS = 3
_OURS, _BARE = f"chain of {LENGTH} assets of one row", f"the same {LENGTH} frames by bare Delta appends"


def chain(number: int) -> list[TableAsset]:
    """The assets, with the row of this number still to come."""
    tables = [table(f"silver.link_{place:02}") for place in range(LENGTH)]
    sources = [OneRow(number), *(before.changes() for before in tables[:-1])]
    return [TableAsset(each, same, {"rows": source}) for each, source in zip(tables, sources, strict=True)]


def ours(connection: Connection, number: int) -> None:
    """Through the door, one after the other."""
    for asset in chain(number):
        asset.materialize(connection)


def bare(connection: Connection, number: int) -> None:
    """What the engine alone needs: read the row from the table before, append it to the next."""
    session, home = connection.session(), connection.workspace.home
    frame = session.createDataFrame([row(number)], "id bigint, name string, value double")
    for place in range(LENGTH):
        path = f"{home}/bare/link_{place:02}"
        frame.write.format("delta").mode("append").save(path)
        frame = session.read.format("delta").load(path).where(f"id = {number}")


def run(rounds: int = ROUNDS) -> list[Figure]:
    """Alternate the two; the first round makes the tables and is not counted."""
    numbers = count(1)
    with room() as workspace:
        up(workspace)
        with Connection(workspace) as connection:
            ways = {
                _BARE: lambda: seconds(lambda: bare(connection, next(numbers))),
                _OURS: lambda: seconds(lambda: ours(connection, next(numbers))),
            }
            times = {name: values[1:] for name, values in alternated(ways, rounds + 1).items()}
    added = (statistics.median(times[_OURS]) - statistics.median(times[_BARE])) / LENGTH
    return [
        *(timing(name, values) for name, values in times.items()),
        Figure("framework time over the engine's own, each asset", added, "s", "at most 0.3 s"),
    ]
