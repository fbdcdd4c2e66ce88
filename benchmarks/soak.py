"""A long working day: what the engine keeps of tables, publishes and sessions that are over."""

import os
import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from benchmarks.figure import Figure
from benchmarks.room import room
from lakehouse.declare.column import Column
from lakehouse.declare.table import Table
from lakehouse.declare.write_modes import Merge
from lakehouse.delta.tables import Tables
from lakehouse.engine.session import Connection
from lakehouse.services import up
from lakehouse.workspace import Workspace
from lakehouse.write.batch import Batch
from lakehouse.write.door import write

TABLES, PUBLISHES, SESSIONS = 1000, 3000, 200
COLUMNS = (Column("id", "bigint", "Key", nullable=False), Column("name", "string", "A name"))
_AFTER_FULL = re.compile(r"Pause Full \(System\.gc\(\)\) \d+M->(\d+)M")
# Looks at the heap in a run.
LOOKS = 20


def run(rounds: int = 1) -> list[Figure]:
    """Publish into many tables from many sessions; the heap after full collections, and its slope."""
    figures: list[Figure] = []
    for _ in range(rounds):
        with logging_collections() as logs, room() as workspace:
            up(workspace)
            heap = soak(workspace, logs, tables=TABLES, publishes=PUBLISHES, sessions=SESSIONS)
        figures += [
            Figure("the engine's heap at the start", heap[0][1], "MB", "", f"after {heap[0][0]} publishes"),
            Figure("the engine's heap at the end", heap[-1][1], "MB", "", f"after {heap[-1][0]} publishes"),
            Figure("its slope per 100 publishes, from 300 on", slope(heap), "%", "at most 1"),
        ]
    return figures


@contextmanager
def logging_collections() -> Iterator[Path]:
    """JVMs that start meanwhile log their garbage collections into files of the folder that is given."""
    import tempfile

    before = os.environ.get("JAVA_TOOL_OPTIONS")
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        os.environ["JAVA_TOOL_OPTIONS"] = f"-Xlog:gc:file={folder}/%p.log"
        try:
            yield Path(folder)
        finally:
            if before is None:
                del os.environ["JAVA_TOOL_OPTIONS"]
            else:
                os.environ["JAVA_TOOL_OPTIONS"] = before


def soak(
    workspace: Workspace, logs: Path, *, tables: int, publishes: int, sessions: int, looks: int = LOOKS
) -> list[tuple[int, float]]:
    """Make publishes, and read what they made, from sessions that come and go.

    Args:
        workspace: With an engine that logs its collections.
        logs: Where.
        tables: So many different tables.
        publishes: So many in all.
        sessions: From so many sessions, one after the other.
        looks: So often the heap is looked at.

    Returns:
        Publishes so far, and the heap in MB after a full collection.
    """
    mark = uuid.uuid4().hex[:6]
    every = [Table(f"silver.soak_{mark}_{n}", COLUMNS, "one row per key", Merge(on=("id",))) for n in range(tables)]
    heap: list[tuple[int, float]] = []
    done, share, step = 0, publishes // sessions, publishes // looks
    while done < publishes:
        with Connection(workspace) as connection:
            session = connection.session()
            for _ in range(share):
                table = every[done % tables]
                frame = session.createDataFrame([(done + n, f"n{n}") for n in range(5)], table.schema)
                write(Tables(workspace), session, table, frame, Batch(uuid.uuid4().hex[:12], "soak"))
                session.table(table.name).count()  # a reader makes the engine compute the state of the table's log
                done += 1
                if done % step == 0:
                    session.sql("SELECT java_method('java.lang.System', 'gc')").collect()
                    heap.append((done, _after_collection(logs)))
    return heap


def _after_collection(logs: Path) -> float:
    """The heap after the last full collection that was asked for, in MB."""
    last = [sizes[-1] for file in logs.glob("*.log") if (sizes := _AFTER_FULL.findall(file.read_text()))]
    if len(last) != 1:
        raise RuntimeError(f"expected the log of one JVM with a full collection in {logs}, got {len(last)}")
    return float(last[0])


def slope(heap: list[tuple[int, float]], warm: int = 300) -> float:
    """How much the heap grows in 100 publishes, in percent of what it is when the engine is warm."""
    later = [(done, size) for done, size in heap if done >= warm] or heap
    counts, sizes = np.array(later, dtype=float).T
    per_publish = np.polyfit(counts, sizes, 1)[0]
    return float(per_publish * 100 / sizes[0] * 100)
