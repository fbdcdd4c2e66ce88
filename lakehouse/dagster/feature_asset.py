"""Served features as an asset: the online store is filled again only when the table or the declaration is new."""

import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from lakehouse.dagster.definition import connection_of, define, failures_told, short
from lakehouse.declare.table import Foreign
from lakehouse.delta.tables import Tables
from lakehouse.engine.failure import in_our_words
from lakehouse.engine.session import Connection
from lakehouse.features.feature_view import Features
from lakehouse.features.online_store import materialize, note_of
from lakehouse.locks.table_lock import table_lock
from lakehouse.runs.audit import audit_foreign
from lakehouse.sources.kinds import identity_of, position_of
from lakehouse.sources.source import ReadContext

if TYPE_CHECKING:
    import dagster as dg


@dataclass(frozen=True)
class Served:
    """What came of a run.

    Args:
        name: Of the feature view.
        table: Where the features are from.
        version: Delta version that the online store holds.
        keys: How many; None where nothing was done.
        unchanged: The store already held this version.
        seconds: Wall time.
    """

    name: str
    table: str
    version: int
    keys: int | None
    unchanged: bool
    seconds: float

    @property
    def summary(self) -> str:
        """One line for people."""
        state = "unchanged" if self.unchanged else f"{self.keys} rows pushed online in {self.seconds:.1f} s"
        return f"{self.name}: {self.table} at version {self.version}, {state}"

    def to_json(self) -> dict[str, Any]:
        """For programs: `rows_pushed` is null where the store already held this version."""
        return {
            "features": self.name,
            "table": self.table,
            "version": self.version,
            "rows_pushed": self.keys,
            "unchanged": self.unchanged,
            "seconds": round(self.seconds, 2),
        }


@dataclass(frozen=True)
class FeatureAsset:
    """A feature view as an asset.

    Args:
        features: The declaration.
        layer: Group and first part of the key.
        options: Passed to Dagster's `asset` as they are.
    """

    features: Features
    layer: str = "ml"
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """`layer.name`."""
        return f"{self.layer}.{self.features.name}"

    def materialize(self, connection: Connection, run_id: str | None = None) -> Served:
        """Fill the online store, if the table or the declaration is new.

        Raises:
            LakehouseError: the table is missing, did not pass its audit, or cannot be served; the store is as it was.
        """
        started = time.monotonic()
        workspace, features = connection.workspace, self.features
        run_id = run_id or uuid.uuid4().hex[:12]
        context = ReadContext(Tables(workspace), connection.session, self.key, run_id)
        with table_lock(workspace, "features", what=f"run {run_id} of {self.key}", say=connection.say):
            source = Foreign(features.table)
            version, table_id = int(position_of(source, context)), identity_of(source, context)
            note = note_of(workspace, features.name)
            unchanged = (note.get("version"), note.get("declaration")) == (version, features.digest)
            unchanged = unchanged and note.get("table_id", table_id) == table_id
            keys = None
            if not unchanged:
                with in_our_words(workspace, lambda: f"{self.key} was not served anew, and the store is as it was"):
                    audit_foreign(connection, context.tables, features.table, version, run_id)
                    keys = materialize(workspace, features, version, table_id)
        return Served(features.name, features.table, version, keys, unchanged, time.monotonic() - started)

    @cached_property
    def definition(self) -> "dg.AssetsDefinition":
        """The Dagster asset."""
        features = self.features
        return define(
            (self.layer, features.name),
            self._events,
            reads=[features.table],
            options=self.options,
            description=f"Feast: the rows of {features.table} by {features.key}, in the online store.",
            kinds={"feast", "sqlite"},
        )

    def _events(self, context: Any) -> Iterator[Any]:
        import dagster as dg

        with failures_told():
            done = self.materialize(connection_of(context), short(context.run_id))
        context.log.info(done.summary)
        metadata: dict[str, Any] = {} if done.keys is None else {"dagster/row_count": done.keys}
        metadata |= {
            f"delta.{done.table}": done.version,
            "unchanged": done.unchanged,
            "seconds": round(done.seconds, 2),
        }
        yield dg.MaterializeResult(metadata=metadata)
