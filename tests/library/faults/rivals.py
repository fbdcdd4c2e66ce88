"""Eight clients at once on one table: each adds one to a shared number again and again, and appends its own rows."""

import time
import uuid
from dataclasses import dataclass, field
from multiprocessing.connection import Connection as Pipe
from typing import Any

from lakehouse.declare.column import Column
from lakehouse.declare.sql_text import quote
from lakehouse.declare.table import Table
from lakehouse.declare.write_modes import Append, Merge
from lakehouse.delta.tables import Tables as OpenTables
from lakehouse.engine.session import Connection
from lakehouse.locks.table_lock import table_lock
from lakehouse.runs.run import recover_if_open
from lakehouse.workspace import Workspace
from lakehouse.write.batch import Batch
from lakehouse.write.door import write
from tests.library.faults import clients

NUMBERS = (Column("id", "int", "Key", nullable=False), Column("value", "bigint", "Counts up", nullable=False))
LINES = (Column("client", "int", "Who", nullable=False), Column("turn", "int", "Which", nullable=False))
PATIENCE_SECONDS = 1800
# The rival rests so many times as long as its statement took; one that never rests leaves nobody else a chance.
PAUSE = 4


@dataclass(frozen=True)
class Tables:
    """What the clients write.

    Args:
        number: One row per key. Key 0 is everybody's, the others belong to a plain SQL writer.
        lines: One row per turn of each client.
    """

    number: Table
    lines: Table

    @classmethod
    def named(cls, run: str) -> "Tables":
        """With names that end in `run`."""
        return cls(
            Table(f"silver.number_{run}", NUMBERS, "one row per number", write=Merge(on=("id",))),
            Table(f"silver.lines_{run}", LINES, "one row per turn", write=Append()),
        )


@dataclass
class Race:
    """What came of it: the number, the rows, those that are there twice, turns of the rival, errors, seconds."""

    clients: int
    turns: int
    value: int = 0
    lines: int = 0
    distinct: int = 0
    rival: int = 0
    rival_value: int = 0
    failures: list[str] = field(default_factory=list)
    seconds: float = 0.0


def race(workspace: Workspace, *, count: int, turns: int) -> Race:
    """Let clients add, beside a rival that writes the same table by plain SQL all the time."""
    began, tables = time.monotonic(), Tables.named(uuid.uuid4().hex[:8])
    outcome = Race(count, turns)
    with Connection(workspace) as connection:
        session = connection.session()
        rows = session.createDataFrame([(0, 0), (-1, 0)], tables.number.schema)
        write(OpenTables(workspace), session, tables.number, rows, Batch("first", "first"))
        none = session.createDataFrame([], tables.lines.schema)
        write(OpenTables(workspace), session, tables.lines, none, Batch("0", "0"))
        rival = clients.start(compete, workspace, tables.number.name)
        running = [clients.start(add, workspace, tables, place, turns) for place in range(count)]
        for client in running:
            if not client.until(PATIENCE_SECONDS):
                outcome.failures.append("a client hung")
            client.drain()
            outcome.failures += client.failures
            client.kill()
        rival.kill()
        rival.drain()
        outcome.failures += rival.failures
        outcome.rival = sum(word == TURN for word in rival.said)
        values = dict(session.table(tables.number.name).collect())
        outcome.value, outcome.rival_value = values[0], values[-1]
        lines = [tuple(row) for row in session.table(tables.lines.name).collect()]
        outcome.lines, outcome.distinct = len(lines), len(set(lines))
    outcome.seconds = time.monotonic() - began
    return outcome


TURN = "turn"


def add(workspace: Workspace, tables: Tables, place: int, turns: int, pipe: Pipe) -> None:
    """One client: reads the number, adds one and merges it; appends a line."""
    try:
        with Connection(workspace) as connection:
            session = connection.session()
            for turn in range(turns):
                run = f"{place}-{turn}-{uuid.uuid4().hex[:8]}"
                with table_lock(workspace, tables.number.name, wait_s=PATIENCE_SECONDS):
                    recover_if_open(connection, OpenTables(workspace), tables.number)
                    value = session.sql(f"SELECT value FROM {quote(tables.number.name)} WHERE id = 0").collect()[0][0]
                    frame = session.createDataFrame([(0, value + 1)], tables.number.schema)
                    write(OpenTables(workspace), session, tables.number, frame, Batch(run, run))
                with table_lock(workspace, tables.lines.name, wait_s=PATIENCE_SECONDS):
                    frame = session.createDataFrame([(place, turn)], tables.lines.schema)
                    write(OpenTables(workspace), session, tables.lines, frame, Batch(run, run))
    except Exception as error:
        pipe.send(f"{clients.FAILED} client {place}: {type(error).__name__}: {str(error)[:500]}")


def compete(workspace: Workspace, name: str, pipe: Pipe) -> None:
    """The rival: plain SQL, no lock, no door; where it loses against a client it tries again."""
    from lakehouse.write.retry import is_conflict

    with Connection(workspace) as connection:
        session: Any = connection.session()
        while True:
            began = time.monotonic()
            try:
                session.sql(f"UPDATE {quote(name)} SET value = value + 1 WHERE id = -1").collect()
                pipe.send(TURN)
                time.sleep(PAUSE * (time.monotonic() - began))
            except Exception as error:
                if not is_conflict(error):
                    pipe.send(f"{clients.FAILED} rival: {type(error).__name__}: {str(error)[:500]}")
                    return
