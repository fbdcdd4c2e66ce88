"""A poller that reads through Spark and Trino while publishes fail: it must see nothing but what was published."""

import threading
import time
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lakehouse.declare.column import Column
from lakehouse.declare.table import Table
from lakehouse.declare.write_modes import Merge, Overwrite
from lakehouse.delta.history import history
from lakehouse.delta.tables import Tables
from lakehouse.engine.session import Connection
from lakehouse.errors import AuditFailedError
from lakehouse.sql.ask_trino import ask
from lakehouse.workspace import Workspace
from lakehouse.write.batch import Batch
from lakehouse.write.door import write
from tests.library.faults import clients
from tests.library.faults.batches import HIGHEST, write_suite
from tests.library.faults.steps import DOOR, Gap, kill_at

COLUMNS = (
    Column("id", "int", "Key", nullable=False),
    Column("publish", "int", "Which publish brought the row; below 0 for one that must fail"),
    Column("value", "int", "Judged"),
)
STRICT = [
    {
        "type": "expect_column_values_to_be_between",
        "kwargs": {"column": "value", "min_value": 0, "max_value": HIGHEST},
        "severity": "critical",
    }
]
ROWS = 5
# Each so many failures one publish succeeds; each so many the process is killed after staging.
PUBLISH_EVERY, CRASH_EVERY = 5, 4
Read = Callable[[str], Iterable[tuple[Any, ...]]]


@dataclass
class Watch:
    """What the pollers saw: reads by reader, what was wrong in them, and what was done meanwhile."""

    reads: dict[str, int] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    failed: int = 0
    crashed: int = 0
    published: int = 0
    versions: int = 0
    seconds: float = 0.0


def watch(workspace: Workspace, project: Path, *, failures: int) -> Watch:
    """Let publishes fail, and poll."""
    began, seen, done = time.monotonic(), Watch(), threading.Event()
    ours = Workspace(workspace.settings.model_copy(update={"project": project}))
    run = uuid.uuid4().hex[:8]
    tables = [
        Table(f"silver.overwritten_{run}", COLUMNS, "one row per key", write=Overwrite()),
        Table(f"silver.merged_{run}", COLUMNS, "one row per key", write=Merge(on=("id",))),
    ]
    with Connection(ours) as connection, Connection(ours) as other:
        for table in tables:
            write_suite(project, table, STRICT)
            bring(connection, table, 1)
        seen.published = 1
        readers: dict[str, Read] = {
            "Spark": lambda name: map(tuple, other.session().table(name).collect()),
            "Trino": lambda name: ask(ours, f"SELECT id, publish, value FROM {name}").rows,
        }
        threads = [
            threading.Thread(target=poll, args=(reader, read, tables, seen, done)) for reader, read in readers.items()
        ]
        for thread in threads:
            thread.start()
        try:
            _fail(connection, tables, seen, failures)
        finally:
            done.set()
            for thread in threads:
                thread.join()
    for table in tables:
        commits = [commit for commit in history(ours, table.name) if commit.note]
        seen.versions += len(commits)
        if len(commits) != seen.published:
            seen.wrong.append(f"{table.name}: {seen.published} publishes, {len(commits)} versions")
    seen.seconds = time.monotonic() - began
    return seen


def _fail(connection: Connection, tables: list[Table], seen: Watch, failures: int) -> None:
    for turn in range(1, failures + 1):
        table = tables[turn % len(tables)]
        if turn % CRASH_EVERY == 0:
            client = clients.start(crash, connection.workspace, table)
            client.until(120)
            client.kill()
            seen.crashed += client.was_killed
            seen.wrong += client.failures
        else:
            try:
                bring(connection, table, -turn)
                seen.wrong.append(f"{table.name}: a publish that must fail did not")
            except AuditFailedError:
                seen.failed += 1
        if turn % PUBLISH_EVERY == 0:
            seen.published += 1
            for written in tables:
                bring(connection, written, seen.published)


def bring(connection: Connection, table: Table, publish: int) -> None:
    """A batch through the door; one below 0 has a row that breaks a critical expectation."""
    session, run = connection.session(), uuid.uuid4().hex[:12]
    rows = [(key, publish, 300 if publish < 0 and key == 0 else key) for key in range(ROWS)]
    write(Tables(connection.workspace), session, table, session.createDataFrame(rows, table.schema), Batch(run, run))


def crash(workspace: Workspace, table: Table, pipe: Any) -> None:
    """Stage rows that must fail, and die before they are judged."""
    kill_at(Gap(DOOR, "stage"))
    with Connection(workspace) as connection:
        bring(connection, table, -1)
    pipe.send(f"{clients.FAILED} {table.name}: it was not killed")


def poll(reader: str, read: Read, tables: list[Table], seen: Watch, done: threading.Event) -> None:
    """Read the tables in turn until all is done."""
    while not done.is_set():
        for table in tables:
            try:
                rows = list(read(table.name))
            except Exception as error:
                seen.wrong.append(f"{reader}, {table.name}: {type(error).__name__}: {str(error)[:300]}")
                return
            seen.reads[reader] = seen.reads.get(reader, 0) + 1
            publishes = {row[1] for row in rows}
            if len(rows) != ROWS or len(publishes) != 1 or any(row[2] > HIGHEST for row in rows) or min(publishes) < 1:
                seen.wrong.append(f"{reader}, {table.name}: {len(rows)} rows of publishes {sorted(publishes)}")
