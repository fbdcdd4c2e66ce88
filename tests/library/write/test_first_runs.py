"""The first publishes of several tables at one moment, in a warehouse that has no table yet: each works as if alone."""

import multiprocessing
import uuid
from collections.abc import Iterator
from multiprocessing.connection import Connection as Pipe
from threading import Barrier
from typing import Any

import pytest

from lakehouse.declare.column import Column
from lakehouse.declare.sql_text import quote
from lakehouse.declare.table import Table
from lakehouse.declare.write_modes import Append
from lakehouse.delta.tables import Tables
from lakehouse.engine.session import Connection
from lakehouse.locks.table_lock import table_lock
from lakehouse.services.supervise import wire
from lakehouse.settings import SparkSettings, load
from lakehouse.storage import delete_folder
from lakehouse.workspace import Workspace
from lakehouse.write.batch import Batch
from lakehouse.write.door import write
from lakehouse.write.ops_checks import CHECKS
from tests.conftest import own_servers
from tests.library.faults import clients

RIVALS, ROUNDS = 3, 3
PATIENCE_SECONDS = 120
COLUMNS = (Column("id", "bigint", "Key", nullable=False), Column("name", "string", "A name", nullable=False))


@pytest.fixture(scope="module")
def new(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """A workspace in whose warehouse nothing was ever written."""
    given = {"home": tmp_path_factory.mktemp("new") / "home", "warehouse": None, "spark": SparkSettings(memory="1g")}
    workspace = Workspace(load().model_copy(update=given))
    with own_servers(workspace):
        yield workspace


def publish(workspace: Workspace, table: Table, barrier: Any, pipe: Pipe) -> None:
    """One client: the first publish of a table, at the moment of the others', and its result."""
    try:
        with Connection(workspace) as connection:
            session = connection.session()
            rows = session.createDataFrame([(1, "a"), (2, None)], table.schema)
            barrier.wait(PATIENCE_SECONDS)
            with table_lock(workspace, table.name):
                done = write(Tables(workspace), session, table, rows, Batch(uuid.uuid4().hex[:12], "batch"))
        pipe.send(f"{done.published} published, {done.quarantined} in quarantine")
    except Exception as error:
        pipe.send(f"{clients.FAILED} {type(error).__name__}: {str(error)[:500]}")


@pytest.mark.services
@pytest.mark.timeout(600)
@pytest.mark.slow
def test_first_publishes_at_one_moment_all_succeed_and_record_their_checks(new: Workspace) -> None:
    for _ in range(ROUNDS):
        tables = [
            Table(f"silver.first_{uuid.uuid4().hex[:8]}", columns=COLUMNS, grain="one row", write=Append())
            for _ in range(RIVALS)
        ]
        barrier: Barrier = multiprocessing.get_context("forkserver").Barrier(RIVALS)  # type: ignore[assignment]
        running = [clients.start(publish, new, table, barrier) for table in tables]
        for client in running:
            assert client.until(PATIENCE_SECONDS)
            client.drain()
            client.kill()

        assert [client.said for client in running] == [["1 published, 1 in quarantine"]] * RIVALS
        with Connection(new) as connection:
            rows = connection.session().sql(f"SELECT asset, `column` FROM {quote(CHECKS.name)}").collect()
        assert sorted(map(tuple, rows)) == sorted((table.name, column.name) for table in tables for column in COLUMNS)
        # The next round finds no table of checks again.
        wire.ask_spark(new.spark_remote, f"DROP TABLE {quote(CHECKS.name)}", timeout=60)
        delete_folder(new.table_path(CHECKS.name))
