"""Commits written by this library itself: files are removed by the very words in which the log names them."""

import json
import logging
import os
import time
import uuid
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.metadata import version as version_of
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lakehouse.delta.log import FOLDER
from lakehouse.delta.note import USER_METADATA
from lakehouse.delta.stamp import Stamp
from lakehouse.errors import CommitDiffersError
from lakehouse.storage import locate

if TYPE_CHECKING:
    from deltalake import DeltaTable

Action = Mapping[str, Any]
_INTERVAL, _CLEANS_UP = "delta.checkpointInterval", "delta.enableExpiredLogCleanup"
_DRAFT_SECONDS = 24 * 3600
# Entries of such a table may be removed by writers alone that know which of them older readers need: Delta does.
_PROTECTION = "checkpointProtection"
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Change:
    """What a commit does.

    Args:
        operation: In Delta's words.
        added: The `add` actions.
        removed: The `add` actions, as the log has them, of the files that are no longer the table's.
        parameters: Of the operation.
        metrics: By Delta's names.
        changes_rows: False for a compaction: the rows stay as they are.
    """

    operation: str
    added: Sequence[Action] = ()
    removed: Sequence[Action] = ()
    parameters: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, int] = field(default_factory=dict)
    changes_rows: bool = True


def is_local(root: str) -> bool:
    """Whether a table lies where a file can be created only if it is not there: a link on a disk does that."""
    from pyarrow.fs import LocalFileSystem

    return isinstance(locate(root)[0], LocalFileSystem)


def commit(delta: "DeltaTable", stamp: Stamp, change: Change) -> None:
    """Make a change the version after the one that `delta` is at; `delta` is at it, or a later one, afterwards.

    Where a link cannot be made delta-rs commits, and files can only be added.

    Raises:
        CommitFailedError: another commit came first.
        CommitDiffersError: the version has other files than it was to have.
    """
    root, version, before = delta.table_uri, delta.version() + 1, _file_count(delta)
    if is_local(root):
        done = {"dataChange": change.changes_rows}
        actions = [
            *_said(stamp, change, read=delta.version()),
            *({"remove": _removal(action) | done} for action in change.removed),
            *({"add": {**action, **done}} for action in change.added),
        ]
        put_commit(root, version, actions)
    else:
        _add_elsewhere(delta, stamp, change)
    delta.update_incremental()
    intended = before + len(change.added) - len(change.removed)
    if delta.version() == version and _file_count(delta) != intended:
        raise CommitDiffersError(stamp.note.asset or root, version, intended, _file_count(delta))
    if is_local(root):
        _checkpoint(delta, version)


def _file_count(delta: "DeltaTable") -> int:
    return int(delta.get_add_actions(flatten=True).num_rows)


def _add_elsewhere(delta: "DeltaTable", stamp: Stamp, change: Change) -> None:
    from deltalake import CommitProperties
    from deltalake.transaction import AddAction, RemoveAction, Transaction

    if change.removed:
        raise NotImplementedError("files are removed by a statement where a link cannot be made")
    actions: list[AddAction | RemoveAction] = [
        AddAction(
            path=action["path"],
            size=action["size"],
            partition_values=action["partitionValues"],
            modification_time=action["modificationTime"],
            data_change=True,
            stats=action["stats"],
        )
        for action in change.added
    ]
    keys = [Transaction(stamp.app, stamp.sequence)] if stamp.app else []
    delta.create_write_transaction(
        actions,
        "append",
        delta.schema(),
        partition_by=delta.metadata().partition_columns or None,
        commit_properties=CommitProperties(custom_metadata={USER_METADATA: stamp.text}, app_transactions=keys),
    )


def put_commit(root: str, version: int, actions: Iterable[Action]) -> None:
    """Make actions the version `version`, whole or not at all.

    Raises:
        CommitFailedError: that version is there already.
    """
    from deltalake.exceptions import CommitFailedError

    _, base = locate(root)
    folder = f"{base}/{FOLDER}"
    # delta-rs names its drafts so; readers and VACUUM know them.
    draft = f"{folder}/_commit_{uuid.uuid4()}.json.tmp"
    try:
        with open(draft, "w") as file:
            file.write("\n".join(json.dumps(action, separators=(",", ":")) for action in actions) + "\n")
            file.flush()
            os.fsync(file.fileno())
        _link(draft, f"{folder}/{version:020d}.json")
    except FileExistsError as error:
        raise CommitFailedError(f"version {version} is there already") from error
    finally:
        with suppress(FileNotFoundError):
            os.unlink(draft)


def _link(draft: str, entry: str) -> None:
    try:
        os.link(draft, entry)
    except FileExistsError:
        # NFS asks again if an answer was lost, and is told that the name is there: made by this very link.
        if not os.path.samefile(draft, entry):
            raise


def sweep_drafts(root: str) -> None:
    """Remove the drafts of writers that were killed, as the engine's `DiskLogStore` does.

    A living writer that its draft is taken from fails, and commits nothing.
    """
    _, base = locate(root)
    eldest = time.time() - _DRAFT_SECONDS
    for draft in Path(base, FOLDER).glob("_commit_*.tmp"):
        with suppress(FileNotFoundError):
            if draft.stat().st_mtime < eldest:
                draft.unlink()


def _said(stamp: Stamp, change: Change, *, read: int) -> list[Action]:
    """The actions in which a commit says what it is: `commitInfo`, and the key that keeps it from happening twice."""
    now = int(time.time() * 1000)
    info = {
        "timestamp": now,
        "operation": change.operation,
        "operationParameters": {**change.parameters, "byReference": "true"},
        "readVersion": read,
        "isolationLevel": "Serializable",
        "isBlindAppend": False,
        "operationMetrics": {name: str(value) for name, value in change.metrics.items()},
        USER_METADATA: stamp.text,
        "engineInfo": f"lakehouse/{version_of('lakehouse')}",
        "txnId": str(uuid.uuid4()),
    }
    key = {"appId": stamp.app, "version": stamp.sequence, "lastUpdated": now}
    return [{"commitInfo": info}, *([{"txn": key}] if stamp.app else [])]


def _removal(action: Action) -> dict[str, Any]:
    kept = {name: action[name] for name in ("path", "partitionValues", "size", "deletionVector") if name in action}
    return {**kept, "deletionTimestamp": int(time.time() * 1000), "extendedFileMetadata": True}


def _checkpoint(delta: "DeltaTable", version: int) -> None:
    """At the interval that the table names, as every writer of Delta does after its commit."""
    from deltalake.exceptions import DeltaError

    properties = delta.metadata().configuration
    if version % int(properties.get(_INTERVAL, "10")):
        return
    try:
        sweep_drafts(delta.table_uri)
        delta.create_checkpoint()
        if properties.get(_CLEANS_UP, "true") == "true" and _PROTECTION not in (delta.protocol().writer_features or ()):
            # Entries older than the table's own `delta.logRetentionDuration`.
            delta.cleanup_metadata()
    except (DeltaError, OSError) as error:
        # The commit stands, and the next writer tries again.
        _log.warning("%s: no checkpoint of version %s: %s", delta.table_uri, version, type(error).__name__)
