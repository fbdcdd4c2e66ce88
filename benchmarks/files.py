"""What a small file costs the engine: its file system against the one that Hadoop has for a disk, in turns."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from benchmarks.cost import in_turns, over, shown
from benchmarks.figure import Figure
from benchmarks.room import room
from lakehouse.engine.session import Connection
from lakehouse.services import up
from lakehouse.services.servers.disk import CLASS

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

ROUNDS = 5
FILES = 200
_NAMES = {"our": CLASS, "Hadoop's": "org.apache.hadoop.fs.LocalFileSystem"}


def run(rounds: int = ROUNDS) -> list[Figure]:
    """Write a folder of small Parquet files by each."""
    with room() as workspace:
        up(workspace)
        with Connection(workspace) as connection:
            session = connection.session()
            ways = {name: _writes(session, f"{workspace.home}/{name[0]}", kind) for name, kind in _NAMES.items()}
            costs = in_turns(workspace, ways, rounds)
    our, hadoops = costs.values()
    return [
        *(shown(f"{FILES} small files by {name} file system", taken) for name, taken in costs.items()),
        over("ours over Hadoop's", our, hadoops, "at most 0.7"),
    ]


def _writes(session: "SparkSession", path: str, kind: str) -> Callable[[], Any]:
    # A file system that is kept would be the one that the server began with.
    options = {"fs.file.impl": kind, "fs.file.impl.disable.cache": "true"}
    frame = session.range(0, FILES, 1, FILES)
    return lambda: frame.write.mode("overwrite").options(**options).parquet(path)
