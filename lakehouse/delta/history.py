"""Versions and what they say of themselves, read from the Delta log without any server."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from lakehouse.delta.live_files import NotReplayableError, live_files
from lakehouse.delta.log import log_of
from lakehouse.delta.log_health import first_damage
from lakehouse.delta.stamp import NOTE
from lakehouse.workspace import Workspace

if TYPE_CHECKING:
    from deltalake import DeltaTable

# Marks our JSON among the userMetadata of other writers.
MARK = "lakehouse"


@dataclass(frozen=True)
class Commit:
    """One version of a table.

    Args:
        version: Delta's.
        committed_at: UTC.
        operation: Delta's word for it, such as WRITE or MERGE.
        note: What the door wrote into `userMetadata`; empty for other writers.
        metrics: Delta's operation metrics.
        parameters: Delta's operation parameters.
        engine: What wrote it, in its own words.
    """

    version: int
    committed_at: datetime
    operation: str
    note: dict[str, Any]
    metrics: dict[str, Any]
    parameters: dict[str, Any] = field(default_factory=dict)
    engine: str = ""


def open_table(workspace: Workspace, name: str) -> "DeltaTable | None":
    """The Delta table of `layer.entities`, or None where there is none yet.

    Raises:
        DamagedLogError: an entry of its log is missing, empty or torn.
    """
    from deltalake import DeltaTable
    from deltalake.exceptions import DeltaError, TableNotFoundError

    try:
        table = DeltaTable(workspace.table_path(name))
    except TableNotFoundError:
        damage = first_damage(workspace, name)
        table = None
    except DeltaError:
        damage = first_damage(workspace, name)
        if damage is None:
            raise
    else:
        # delta-rs takes an empty entry for a commit that did nothing.
        damage = first_damage(workspace, name, is_read=False)
    if damage is not None:
        raise damage.error(workspace)
    return table


def version_of(workspace: Workspace, name: str) -> int | None:
    """The latest version, or None where the table does not exist."""
    table = open_table(workspace, name)
    return None if table is None else table.version()


def _commit(entry: dict[str, Any]) -> Commit:
    try:
        note = json.loads(entry.get(NOTE) or "{}")
    except ValueError:
        note = {}
    if not isinstance(note, dict) or MARK not in note:
        note = {}
    return Commit(
        version=int(entry["version"]),
        committed_at=datetime.fromtimestamp(entry["timestamp"] / 1000, UTC),
        operation=str(entry.get("operation", "")),
        note=note,
        metrics=dict(entry.get("operationMetrics") or {}),
        parameters=dict(entry.get("operationParameters") or {}),
        engine=str(entry.get("engineInfo") or entry.get("clientVersion") or ""),
    )


def commit_of(workspace: Workspace, name: str, version: int | None = None) -> tuple[Commit | None, list[int]]:
    """One commit, read alone, and the versions whose commits the log still has, in order.

    Args:
        workspace: Where the table is.
        name: `layer.entities`.
        version: Delta's; None for the latest.

    Returns:
        The commit, None where the log has none of this version, and all versions.
    """
    log = log_of(workspace.table_path(name))
    versions = sorted(log.commits)
    wanted = version if version is not None else max(versions, default=-1)
    if wanted not in log.commits:
        return None, versions
    found: dict[str, Any] = next((action["commitInfo"] for action in log.read(wanted) if "commitInfo" in action), {})
    written = found.get("inCommitTimestamp") or found.get("timestamp") or log.commits[wanted].modified_ms
    return _commit({**found, "version": wanted, "timestamp": written}), versions


def history(workspace: Workspace, name: str, limit: int | None = None) -> list[Commit]:
    """Commits, newest first.

    Args:
        workspace: Where the table is.
        name: `layer.entities`.
        limit: At most so many; None for all that the log still has.
    """
    table = open_table(workspace, name)
    return [] if table is None else [_commit(entry) for entry in table.history(limit)]


def last_note(table: "DeltaTable | None") -> dict[str, Any]:
    """What the newest commit of the door says of itself, or an empty dict."""
    if table is None:
        return {}
    for limit in (5, None):
        for entry in table.history(limit):
            note = _commit(entry).note
            # Upkeep is no publish: it says nothing of positions.
            if note and "upkeep" not in note:
                return note
    return {}


def row_count(workspace: Workspace, name: str) -> int | None:
    """Rows of the latest version, from the log alone; None where the table is missing, or the log does not tell."""
    table = open_table(workspace, name)
    if table is None:
        return None
    if "deletionVectors" not in (table.protocol().reader_features or ()):
        return int(sum(table.get_add_actions(flatten=True)["num_records"].to_pylist()))
    try:
        files = live_files(log_of(workspace.table_path(name)), table.version()).values()
        return sum(_rows_of(file) for file in files)
    except (NotReplayableError, KeyError):
        return None


def _rows_of(action: dict[str, Any]) -> int:
    held = int(json.loads(action.get("stats") or "{}")["numRecords"])
    return held - int(action.get("deletionVector", {}).get("cardinality", 0))
