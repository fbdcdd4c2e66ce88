"""What is stored of a table, read from its log without any server: columns, comments, properties, clustering."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lakehouse.declare.types import from_json
from lakehouse.delta.history import files_of, open_table
from lakehouse.delta.log import log_of, read_actions
from lakehouse.storage import locate
from lakehouse.workspace import Workspace

if TYPE_CHECKING:
    from deltalake import DeltaTable

CONSTRAINT = "delta.constraints."
MAPPING = "delta.columnMapping.mode"
VECTORS = "delta.enableDeletionVectors"
_CLUSTERING = "delta.clustering"


@dataclass(frozen=True)
class StoredColumn:
    """One column as it is stored.

    Args:
        name: As readers see it.
        type: Canonical DDL.
        comment: Empty where there is none.
        nullable: False where the schema says NOT NULL.
        physical: Its name in the files, which differs where columns are mapped.
    """

    name: str
    type: str
    comment: str
    nullable: bool
    physical: str


@dataclass(frozen=True)
class Stored:
    """A table as it is stored.

    Args:
        version: Delta's, latest.
        columns: In their order.
        comment: Of the table.
        properties: Table properties, constraints excepted.
        constraints: SQL conditions by name.
        partitioned_by: Partition columns.
        clustered_by: Clustering columns.
        features: Names of the table features that a writer must know.
        has_stale_vectors: Whether files have deletion vectors although the property that makes them is not on. Behind a
            checkpoint Trino does not look at them then, and gives the deleted rows.
    """

    version: int
    columns: tuple[StoredColumn, ...]
    comment: str = ""
    properties: tuple[tuple[str, str], ...] = ()
    constraints: tuple[tuple[str, str], ...] = ()
    partitioned_by: tuple[str, ...] = ()
    clustered_by: tuple[str, ...] = ()
    features: frozenset[str] = frozenset()
    has_stale_vectors: bool = False

    @property
    def is_mapped(self) -> bool:
        """Whether columns are mapped by name, so that one can be renamed."""
        return dict(self.properties).get(MAPPING, "none") != "none"


def stored_of(workspace: Workspace, name: str, delta: "DeltaTable | None" = None) -> Stored | None:
    """What is stored of `layer.entities`, or None where it does not exist. Starts no job.

    Args:
        workspace: Where the table is.
        name: `layer.entities`.
        delta: The table, where it is open already.

    Raises:
        DamagedLogError: an entry of its log is missing, empty or torn.
        UnreadableTableError: its log cannot be replayed.
    """
    delta = delta or open_table(workspace, name)
    if delta is None:
        return None
    columns = tuple(_column(field) for field in json.loads(delta.schema().to_json())["fields"])
    metadata, protocol = delta.metadata(), delta.protocol()
    features = frozenset([*(protocol.reader_features or ()), *(protocol.writer_features or ())])
    settings = sorted(metadata.configuration.items())
    logical = {column.physical: column.name for column in columns}
    clustered = _clustering(workspace.table_path(name)) if "clustering" in features else ()
    makes_vectors = str(metadata.configuration.get(VECTORS)).lower() == "true"
    return Stored(
        version=delta.version(),
        columns=columns,
        comment=metadata.description or "",
        properties=tuple((k, str(v)) for k, v in settings if not k.startswith(CONSTRAINT)),
        constraints=tuple((k[len(CONSTRAINT) :], str(v)) for k, v in settings if k.startswith(CONSTRAINT)),
        partitioned_by=tuple(metadata.partition_columns),
        clustered_by=tuple(logical.get(column, column) for column in clustered),
        features=features,
        has_stale_vectors=not makes_vectors and "deletionVectors" in features and _has_vectors(workspace, name),
    )


def _has_vectors(workspace: Workspace, name: str) -> bool:
    return any("deletionVector" in action for action in files_of(workspace, name).values())


def _column(field: dict[str, Any]) -> StoredColumn:
    metadata = field["metadata"]
    return StoredColumn(
        name=field["name"],
        type=from_json(field["type"], metadata),
        comment=str(metadata.get("comment", "")),
        nullable=bool(field["nullable"]),
        physical=str(metadata.get("delta.columnMapping.physicalName", field["name"])),
    )


def _clustering(root: str) -> tuple[str, ...]:
    """The clustering columns: the newest word of the log on the domain `delta.clustering`.

    delta-rs gives no domain metadata, and Spark only by a job: https://github.com/delta-io/delta/blob/master/PROTOCOL.md
    """
    for domain in _domains(root):
        if domain.get("domain") == _CLUSTERING:
            columns = json.loads(domain["configuration"])["clusteringColumns"]
            return () if domain.get("removed") else tuple(".".join(parts) for parts in columns)
    return ()


def _domains(root: str) -> Iterator[dict[str, Any]]:
    """Domain metadata of the log, newest first, down to the last checkpoint."""
    log = log_of(root)
    for version in reversed(log.since_checkpoint):
        yield from (action["domainMetadata"] for action in log.read(version) if "domainMetadata" in action)
    for file in log.checkpoints.get(log.checkpoint, ()):
        yield from _domains_of_checkpoint(root, file.path)


def _domains_of_checkpoint(root: str, path: str) -> Iterator[dict[str, Any]]:
    import pyarrow.parquet as pq

    if path.endswith(".json"):
        yield from (action["domainMetadata"] for action in read_actions(root, path) if "domainMetadata" in action)
        return
    store, _ = locate(root)
    with store.open_input_file(path) as file:
        parquet = pq.ParquetFile(file)
        if "domainMetadata" in parquet.schema_arrow.names:
            rows = parquet.read(columns=["domainMetadata"])["domainMetadata"].to_pylist()
            yield from (row for row in rows if row)
