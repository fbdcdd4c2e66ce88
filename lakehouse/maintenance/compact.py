"""Compaction after a publish: a commit of its own that changes no row. It never fails or undoes the publish."""

import json
from typing import TYPE_CHECKING

from lakehouse.declare.sql_text import quote
from lakehouse.delta.history import MARK, open_table
from lakehouse.delta.stamp import USER_METADATA
from lakehouse.engine.work_settings import BIG_BYTES, during, for_work
from lakehouse.errors import LakehouseError
from lakehouse.locks import check_lease
from lakehouse.maintenance.small_files import LIMITS, Limits, Need, held_by, need
from lakehouse.workspace import Workspace

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_OPTIMIZE = "spark.databricks.delta.optimize"


def keep_up(workspace: Workspace, session: "SparkSession", *names: str, limits: Limits = LIMITS) -> tuple[str, ...]:
    """Compact those of some tables that need it, one attempt each. The caller holds the lock that their writers hold.

    Args:
        workspace: Where the tables are.
        session: The session.
        names: Each `layer.entities`; those that do not exist need nothing.
        limits: When, and into what.

    Returns:
        A line for each table that could not be compacted. Its next publish tries again.
    """
    from deltalake.exceptions import DeltaError
    from pyspark.errors import PySparkException

    told = []
    for name in names:
        try:
            _keep_up(workspace, session, name, limits)
        except (PySparkException, DeltaError, LakehouseError, OSError) as error:
            told.append(
                f"Upkeep of {name} was not done ({_said(error)}). All rows are there and what was published stays; "
                f"the next publish of the table tries again."
            )
    return tuple(told)


def _said(error: Exception) -> str:
    """What an error is called: its text may hold values of the data."""
    from pyspark.errors import PySparkException

    condition = error.getCondition() if isinstance(error, PySparkException) else None
    return condition or (str(error) if isinstance(error, LakehouseError) else type(error).__name__)


def _keep_up(workspace: Workspace, session: "SparkSession", name: str, limits: Limits) -> None:
    delta = open_table(workspace, name)
    found = None if delta is None else need(held_by(delta), limits)
    if found is not None:
        check_lease(workspace)
        compact(session, name, found, limits)


def note_of(name: str, found: Need) -> str:
    """What the commit says of itself: no run and no positions, for it is none of a run's."""
    return json.dumps({MARK: 1, "asset": name, "upkeep": found.to_json()}, separators=(",", ":"))


def compact(session: "SparkSession", name: str, found: Need, limits: Limits) -> None:
    """Join the small files of a table by Delta's OPTIMIZE, which also writes out files with many deleted rows.

    It leaves out what a rival has removed meanwhile; where that is not possible, its commit fails and nothing changes.
    """
    wanted = {
        USER_METADATA: note_of(name, found),
        f"{_OPTIMIZE}.minFileSize": str(limits.small_bytes),
        f"{_OPTIMIZE}.maxFileSize": str(limits.full_bytes),
        # By default all that is clustered is clustered again each time, up to 100 GiB.
        f"{_OPTIMIZE}.clustering.mergeStrategy.minCubeSize.threshold": str(limits.full_bytes),
        f"{_OPTIMIZE}.clustering.mergeStrategy.minCubeSize.targetCubeSize": str(limits.full_bytes),
    }
    with for_work(session, big=found.small_bytes >= BIG_BYTES), during(session, wanted):
        session.sql(f"OPTIMIZE {quote(name)}").collect()
