"""The files of each partition of a table as its writers made them, whatever was compacted since: from the log alone."""

import json
from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from lakehouse.declare.types import types_of
from lakehouse.delta.live_files import NotReplayableError, live_files
from lakehouse.delta.log import Log, log_of
from lakehouse.delta.partition_values import key_of, spelled, text_of
from lakehouse.delta.row_changes import leaves_rows

if TYPE_CHECKING:
    from deltalake import DeltaTable

# What says which deletion vector a file has (Delta protocol, "Deletion Vector Descriptor Schema").
_VECTOR = ("storageType", "pathOrInlineDv", "offset")


def partition_digests(delta: "DeltaTable", column: str, keys: Iterable[str] | None) -> dict[str, str]:
    """A digest of each partition. It changes with each change of the partition's rows, and by no compaction.

    A compaction that the log has forgotten counts as a change.

    Args:
        delta: The table, at its latest version.
        column: The one column that it is partitioned by.
        keys: The partitions that are asked for, as a person or Dagster writes them; None for all that have files.

    Raises:
        LakehouseError: a key is no value of the column.
    """
    import pyarrow as pa

    log = log_of(delta.table_uri)
    listed = pa.table(delta.get_add_actions(flatten=True))
    type_ = types_of(json.loads(delta.schema().to_json()))[column]
    has_vectors = "deletionVectors" in (delta.protocol().reader_features or ())
    try:
        files = live_files(log, delta.version()) if has_vectors else {}
        known, unknown = {unquote(path): _vector(add.get("deletionVector")) for path, add in files.items()}, ""
    except NotReplayableError:
        # Any version may have changed any partition.
        known, unknown = {}, f"#{delta.version()}"
    held: dict[str, set[str]] = {}
    for value, path in zip(listed[f"partition.{column}"].to_pylist(), listed["path"].to_pylist(), strict=True):
        held.setdefault(key_of(spelled(value)), set()).add(f"{unquote(path)}{known.get(unquote(path), unknown)}")
    texts = {key: key for key in held} if keys is None else {key: key_of(text_of(key, type_, column)) for key in keys}
    origins = _origins(log, delta.version(), {key: held.get(text, set()) for key, text in texts.items()})
    return {key: sha256("\n".join(sorted(files)).encode()).hexdigest()[:16] for key, files in origins.items()}


def _named(said: Mapping[str, Any]) -> str:
    """A file with its deletion vector."""
    return f"{unquote(said['path'])}{_vector(said.get('deletionVector'))}"


def _vector(said: Mapping[str, Any] | None) -> str:
    return "" if not said or not said.get("storageType") else "#" + "/".join(str(said.get(part)) for part in _VECTOR)


def _origins(log: Log, latest: int, held: Mapping[str, set[str]]) -> dict[str, set[str]]:
    """Go back through the log and put what a compaction has read in the place of what it wrote.

    Args:
        log: The log.
        latest: Version to begin at.
        held: Files of that version by partition.
    """
    origins = {key: set(files) for key, files in held.items()}
    made_later = set().union(*origins.values()) if origins else set()
    version = latest
    while made_later and version in log.commits:
        actions = log.read(version)
        added = {_named(action["add"]) for action in actions if "add" in action}
        if leaves_rows(actions):
            for written, read in _compacted(actions):
                for files in origins.values():
                    # Else some of what it wrote is other rows by now: that is news.
                    if written and written <= files:
                        files.difference_update(written)
                        files.update(read)
                        made_later.update(read)
        made_later -= added
        version -= 1
    return origins


def _compacted(actions: Iterable[Mapping[str, Any]]) -> list[tuple[set[str], set[str]]]:
    """What a compaction wrote and read, partition by partition."""
    pairs: dict[str, tuple[set[str], set[str]]] = {}
    for action in actions:
        for place, kind in enumerate(("add", "remove")):
            if kind in action:
                where = json.dumps(action[kind].get("partitionValues") or {}, sort_keys=True)
                pairs.setdefault(where, (set(), set()))[place].add(_named(action[kind]))
    return list(pairs.values())
