"""Compaction after a publish: a commit of its own that changes no row. It never fails or undoes the publish."""

from typing import TYPE_CHECKING
from urllib.parse import quote as quote_path

from lakehouse.declare.sql_text import quote
from lakehouse.delta.note import Note
from lakehouse.delta.stamp import Stamp
from lakehouse.delta.tables import Tables
from lakehouse.engine.statement import statement
from lakehouse.engine.work_settings import BIG_BYTES, settings_for
from lakehouse.errors import LakehouseError
from lakehouse.locks import check_lease
from lakehouse.maintenance.small_files import LIMITS, Limits, Need, files_by, need

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_NO_FOLDERS = "delta.randomizeFilePrefixes"
# With the column's name before it, a longer one is no name of a file on Linux.
_LONGEST_FOLDER = 190
_OPTIMIZE = "spark.databricks.delta.optimize"


def keep_up(tables: Tables, session: "SparkSession", *names: str, limits: Limits = LIMITS) -> tuple[str, ...]:
    """Compact those of some tables that need it, one attempt each. The caller holds the lock that their writers hold.

    Args:
        tables: The tables that the run touches.
        session: The session.
        names: Each `layer.entities`; those that do not exist need nothing.
        limits: When, and into what.

    Returns:
        A line for each table that could not be compacted. Its next publish tries again.
    """
    from deltalake.exceptions import DeltaError
    from pyspark.errors import PySparkException

    notices = []
    for name in names:
        try:
            _keep_up(tables, session, name, limits)
        except (PySparkException, DeltaError, LakehouseError, OSError) as error:
            notices.append(
                f"Upkeep of {name} was not done ({_name_of(error)}). All rows are there and what was published stays; "
                f"the next publish of the table tries again.{_way_out(tables, name)}"
            )
    return tuple(notices)


def _way_out(tables: Tables, name: str) -> str:
    """What to do for a table whose partitions cannot be folders."""
    delta = tables.opened(name)
    if delta is None or delta.metadata().configuration.get(_NO_FOLDERS) == "true":
        return ""
    texts = [value or "" for file in files_by(delta) for value in file.values]
    if max((len(quote_path(text).encode()) for text in texts), default=0) < _LONGEST_FOLDER:
        return ""
    return (
        f" A value of a partition column is too long for the name of a folder: declare the property `{_NO_FOLDERS}` "
        f"as `true` and run `lakehouse apply {name}`."
    )


def _name_of(error: Exception) -> str:
    """What an error is called: its text may hold values of the data."""
    from pyspark.errors import PySparkException

    condition = error.getCondition() if isinstance(error, PySparkException) else None
    return condition or (str(error) if isinstance(error, LakehouseError) else type(error).__name__)


def _keep_up(tables: Tables, session: "SparkSession", name: str, limits: Limits) -> None:
    delta = tables.latest(name)
    why = None if delta is None else need(files_by(delta), limits)
    if why is not None:
        check_lease(tables.workspace)
        compact(session, name, why, limits)


def compact(session: "SparkSession", name: str, why: Need, limits: Limits) -> None:
    """Join the small files of a table by Delta's OPTIMIZE, which also writes out files with many deleted rows.

    It leaves out what a rival has removed meanwhile; if that is not possible, its commit fails and nothing changes.
    """
    settings = {
        **settings_for(big=why.small_bytes >= BIG_BYTES),
        f"{_OPTIMIZE}.minFileSize": str(limits.small_bytes),
        f"{_OPTIMIZE}.maxFileSize": str(limits.full_bytes),
        # By default all that is clustered is clustered again each time, up to 100 GiB.
        f"{_OPTIMIZE}.clustering.mergeStrategy.minCubeSize.threshold": str(limits.full_bytes),
        f"{_OPTIMIZE}.clustering.mergeStrategy.minCubeSize.targetCubeSize": str(limits.full_bytes),
    }
    with statement(session, settings=settings, stamp=Stamp(None, 0, Note(name, upkeep=why.upkeep))):
        session.sql(f"OPTIMIZE {quote(name)}").collect()
