"""The stamp of a commit: what it says of itself, and the key that keeps it from happening twice."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from deltalake import DeltaTable
    from pyspark.sql import SparkSession


TXN_APP, TXN_VERSION = "spark.databricks.delta.write.txnAppId", "spark.databricks.delta.write.txnVersion"
# Where a commit has its note, and the setting of a session from which Spark takes it.
NOTE = "userMetadata"
USER_METADATA = f"spark.databricks.delta.commitInfo.{NOTE}"


@dataclass(frozen=True)
class Stamp:
    """What a commit says of itself, and the key that keeps it from happening twice.

    Args:
        app: Transaction application, one per table that is written; None for a commit that may come twice.
        sequence: Rises by one with each publish.
        note: The explaining JSON.
    """

    app: str | None
    sequence: int
    note: dict[str, Any]

    @property
    def text(self) -> str:
        """The note as `userMetadata`."""
        return json.dumps(self.note, separators=(",", ":"))


def is_done(table: "DeltaTable", stamp: Stamp) -> bool:
    """Whether a commit with this stamp is in the table already."""
    done = table.transaction_version(stamp.app) if stamp.app else None
    return done is not None and done >= stamp.sequence


@contextmanager
def stamped(session: "SparkSession", stamp: Stamp) -> Iterator[None]:
    """Give the next statement of `session` the stamp; afterwards the session is as before.

    Transaction settings that stay on a session silently skip its later writes, so they are taken off again.
    """
    session.conf.set(USER_METADATA, stamp.text)
    if stamp.app:
        session.conf.set(TXN_APP, stamp.app)
        session.conf.set(TXN_VERSION, str(stamp.sequence))
    try:
        yield
    finally:
        for name in (TXN_APP, TXN_VERSION, USER_METADATA):
            session.conf.unset(name)
