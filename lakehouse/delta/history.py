"""Versions and what they say of themselves, read from the Delta log without any server."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from lakehouse.delta.live_files import NotReplayableError, live_files
from lakehouse.delta.log import FOLDER, log_of
from lakehouse.delta.log_health import first_damage
from lakehouse.delta.note import USER_METADATA, Note
from lakehouse.delta.partition_values import canonical
from lakehouse.errors import UnreadableTableError
from lakehouse.workspace import Workspace

if TYPE_CHECKING:
    from deltalake import DeltaTable


@dataclass(frozen=True)
class Commit:
    """One version of a table.

    Args:
        version: Delta's.
        committed_at: UTC.
        operation: Delta's word for it, such as WRITE or MERGE.
        note: What the library, or dbt at its side, wrote into `userMetadata`; None for other writers.
        metrics: Delta's operation metrics.
        parameters: Delta's operation parameters.
        engine: What wrote it, in its own words.
    """

    version: int
    committed_at: datetime
    operation: str
    note: Note | None
    metrics: dict[str, Any]
    parameters: dict[str, Any] = field(default_factory=dict)
    engine: str = ""


def open_table(workspace: Workspace, name: str) -> "DeltaTable | None":
    """The Delta table of `layer.entities`, or None where there is none yet.

    Raises:
        DamagedLogError: an entry of its log is missing, empty or torn.
        UnreadableTableError: its log says what delta-rs does not understand.
    """
    from deltalake import DeltaTable
    from deltalake.exceptions import DeltaError, TableNotFoundError

    root = workspace.table_path(name)
    log = log_of(root)
    if log.is_empty:
        return None
    try:
        table = DeltaTable(root)
    except TableNotFoundError:
        damage = first_damage(workspace, name)
        table = None
    except (DeltaError, ValueError) as error:
        damage = first_damage(workspace, name)
        if damage is None:
            # The text of the error may hold values of the data.
            raise UnreadableTableError(name, f"{root}/{FOLDER}", type(error).__name__) from None
    else:
        # delta-rs takes an empty entry for a commit that did nothing.
        damage = first_damage(workspace, name, is_read=False, log=log)
    if damage is not None:
        raise damage.error(workspace)
    return table


def raise_if_damaged(workspace: Workspace, name: str) -> bool:
    """Look at the listing of a table's log; whether there is a table at all.

    Raises:
        DamagedLogError: an entry of the log is missing or empty.
    """
    log = log_of(workspace.table_path(name))
    damage = first_damage(workspace, name, is_read=False, log=log)
    if damage is not None:
        raise damage.error(workspace)
    return not log.is_empty


def version_of(workspace: Workspace, name: str) -> int | None:
    """The latest version, or None where the table does not exist."""
    table = open_table(workspace, name)
    return None if table is None else table.version()


def _commit(entry: dict[str, Any]) -> Commit:
    return Commit(
        version=int(entry["version"]),
        committed_at=datetime.fromtimestamp(entry["timestamp"] / 1000, UTC),
        operation=str(entry.get("operation", "")),
        note=Note.from_text(entry.get(USER_METADATA)),
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
    number = version if version is not None else max(versions, default=-1)
    if number not in log.commits:
        return None, versions
    info: dict[str, Any] = next((action["commitInfo"] for action in log.read(number) if "commitInfo" in action), {})
    written = info.get("inCommitTimestamp") or info.get("timestamp") or log.commits[number].modified_ms
    return _commit({**info, "version": number, "timestamp": written}), versions


def history(workspace: Workspace, name: str, limit: int | None = None) -> list[Commit]:
    """Commits, newest first.

    Args:
        workspace: Where the table is.
        name: `layer.entities`.
        limit: At most so many; None for all that the log still has.
    """
    table = open_table(workspace, name)
    return [] if table is None else commits_of(table, limit)


def commits_of(table: "DeltaTable", limit: int | None = None) -> list[Commit]:
    """Commits of a table that is open, newest first; at most `limit`, or all that the log still has."""
    return [_commit(entry) for entry in table.history(limit)]


def files_of(workspace: Workspace, name: str) -> dict[str, dict[str, Any]]:
    """The `add` actions of a table's latest version by path, from the log alone; empty if there is no table.

    Raises:
        DamagedLogError: an entry of its log is missing, empty or torn.
        UnreadableTableError: the log cannot be replayed, and delta-rs does not tell which rows are deleted.
    """
    log = log_of(workspace.table_path(name))
    if not raise_if_damaged(workspace, name):
        return {}
    try:
        return live_files(log, max([*log.commits, *log.checkpoints]))
    except (NotReplayableError, ValueError) as error:
        table = open_table(workspace, name)
        if table is None:
            return {}
        if "deletionVectors" in (table.protocol().reader_features or ()):
            raise UnreadableTableError(name, f"{log.root}/{FOLDER}", type(error).__name__) from None
        return {path: {"path": path} for path in table.get_add_actions(flatten=True)["path"].to_pylist()}


def partition_texts(workspace: Workspace, name: str, column: str, type_: str) -> set[str | None]:
    """The values of a partition column that the latest version has, as the log spells them in one way.

    Args:
        workspace: Where the table is.
        name: `layer.entities`.
        column: A partition column of it.
        type_: Of the column.
    """
    files = files_of(workspace, name).values()
    return {canonical(file["partitionValues"].get(column), type_) for file in files if "partitionValues" in file}


def last_note(table: "DeltaTable | None") -> Note | None:
    """What the newest publish says of itself; None if there is none."""
    if table is None:
        return None
    for limit in (5, None):
        for entry in table.history(limit):
            note = _commit(entry).note
            # Upkeep is no publish: it says nothing of positions.
            if note is not None and note.upkeep is None:
                return note
    return None


def row_count(workspace: Workspace, name: str) -> int | None:
    """Rows of the latest version, from the log alone; None where the table is missing, or the log does not tell."""
    table = open_table(workspace, name)
    return None if table is None else rows_of(table)


def rows_of(table: "DeltaTable") -> int | None:
    """Rows of a table that is open, from the log alone; None if the log does not tell."""
    if "deletionVectors" not in (table.protocol().reader_features or ()):
        counts = table.get_add_actions(flatten=True)["num_records"].to_pylist()
        return None if None in counts else int(sum(counts))
    try:
        files = live_files(log_of(table.table_uri), table.version()).values()
        return sum(_rows_of(file) for file in files)
    except (NotReplayableError, KeyError):
        return None


def _rows_of(action: dict[str, Any]) -> int:
    rows = int(json.loads(action.get("stats") or "{}")["numRecords"])
    return rows - int(action.get("deletionVector", {}).get("cardinality", 0))
