"""Sessions on the engine. `connect` is the one place that sets what every session needs."""

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from lakehouse.engine.failure import failure_of
from lakehouse.engine.retries import Server, patience
from lakehouse.locks import check_lease
from lakehouse.locks.table_lock import say_on_stderr
from lakehouse.services.supervise.guard import guard
from lakehouse.workspace import Workspace, current_workspace

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# UTC: Feast and Trino render UTC. ANSI on: a cast that loses a value is an error, not a null.
# TIMESTAMP_MICROS: the files are adopted by Delta as they are; INT96 has no statistics.
SESSION_CONF = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.ansi.enabled": "true",
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
}

# Name of the Dagster resource that gives a `Connection`.
CONNECTION = "connection"


def connect(workspace: Workspace | None = None) -> "SparkSession":
    """A session on the workspace's Spark Connect server; the caller stops it.

    Raises:
        ServiceError: no server is up and none is named in the settings, or it does not answer, or what listens
            there is another user's or no engine.
        FencedError: another has the lease on the warehouse, and this workspace's server was ended.
        SettingsError: the group of the settings is none of this process's.
    """
    import logging

    from pyspark.errors import PySparkException
    from pyspark.sql import SparkSession

    # pyspark prints each failed statement as a JSON line on stderr, with its values, beside the exception it raises.
    for name in ("SQLQueryContextLogger", "DataFrameQueryContextLogger"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    workspace = workspace or current_workspace()
    if workspace.home.exists():
        workspace.close()
    check_lease(workspace)
    guard()
    session, server = SparkSession.builder.remote(workspace.spark_remote).create(), Server(workspace)
    session.client.set_retry_policies([patience(workspace, server)])
    try:
        for name, value in SESSION_CONF.items():
            session.conf.set(name, value)
    except PySparkException as error:
        session.stop()
        raise failure_of(error, workspace, "no session was opened") from None
    server.knows_the_session()
    return session


class Connection:
    """A workspace and its session, opened when the first rows are needed. One per run; close it at the end.

    Args:
        workspace: The workspace; the current one if not given.
        say: Told who is waited for, if somebody else writes a table.
    """

    def __init__(self, workspace: Workspace | None = None, *, say: Callable[[str], object] = say_on_stderr) -> None:
        self.workspace, self.say = workspace or current_workspace(), say
        self._session: SparkSession | None = None

    def session(self) -> "SparkSession":
        """The session.

        Raises:
            ServiceError: no server is up and none is named in the settings.
        """
        if self._session is None:
            self._session = connect(self.workspace)
        return self._session

    def close(self) -> None:
        """End the session, if there is one, and whatever it still computes. A server that is gone is not waited for."""
        if self._session is None:
            return
        from pyspark.errors import PySparkException

        session, self._session = self._session, None
        session.client.set_retry_policies([])
        with suppress(PySparkException):  # `stop` finds the same and logs it
            session.interruptAll()
        session.stop()

    def __enter__(self) -> "Connection":
        """Give the connection itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()
