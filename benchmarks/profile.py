"""Seven warm operations on 1,000 rows: the server as `lakehouse up` starts it against stock Spark on local[2]."""

import statistics
from itertools import count
from typing import TYPE_CHECKING

from benchmarks.figure import Figure, seconds
from benchmarks.room import room
from lakehouse.engine.session import Connection
from lakehouse.services import up

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

ROUNDS = 5
_ROWS = "SELECT id, concat('n', id % 7) AS name, id / 3.0D AS value FROM range({low}, {high})"
OPERATIONS = {
    "create": "CREATE TABLE silver.t_{n} USING DELTA AS " + _ROWS.format(low=0, high=1000),
    "append": "INSERT INTO silver.t_{n} " + _ROWS.format(low=1000, high=2000),
    "merge": "MERGE INTO silver.t_{n} t USING (" + _ROWS.format(low=1500, high=2500) + ") s ON t.id = s.id "
    "WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *",
    "update": "UPDATE silver.t_{n} SET value = value + 1 WHERE id % 10 = 0",
    "delete": "DELETE FROM silver.t_{n} WHERE id % 10 = 1",
    "read": "SELECT name, count(*), sum(value) FROM silver.t_{n} GROUP BY name",
    "overwrite": "INSERT OVERWRITE silver.t_{n} " + _ROWS.format(low=0, high=1000),
}


def pass_over(session: "SparkSession", number: int) -> dict[str, float]:
    """Seconds of each operation on a table of its own."""
    taken = {
        name: seconds(lambda: session.sql(statement.format(n=number)).collect())  # noqa: B023 - called at once
        for name, statement in OPERATIONS.items()
    }
    session.sql(f"DROP TABLE silver.t_{number}")
    return taken


def run(rounds: int = ROUNDS) -> list[Figure]:
    """Both servers are up and take turns; the first two rounds warm them and are not counted."""
    numbers = count(1)
    measured: dict[str, list[dict[str, float]]] = {"tuned": [], "stock": []}
    with room() as tuned, room(profile="stock", aot="off") as stock:
        up(tuned)
        up(stock)
        with Connection(tuned) as first, Connection(stock) as second:
            for _ in range(rounds + 2):
                for name, connection in (("tuned", first), ("stock", second)):
                    measured[name].append(pass_over(connection.session(), next(numbers)))
    medians = {
        name: {operation: statistics.median(taken[operation] for taken in passes[2:]) for operation in OPERATIONS}
        for name, passes in measured.items()
    }
    return _figures(medians, rounds)


def _figures(medians: dict[str, dict[str, float]], rounds: int) -> list[Figure]:
    sums = {name: sum(times.values()) for name, times in medians.items()}
    figures = [
        Figure(
            f"seven operations on 1,000 rows, {name} server",
            sums[name],
            "s",
            note=f"medians of {rounds}: " + ", ".join(f"{operation} {time:.2f}" for operation, time in times.items()),
        )
        for name, times in medians.items()
    ]
    return [*figures, Figure("tuned over stock", sums["tuned"] / sums["stock"], "ratio", "as low as it goes")]
