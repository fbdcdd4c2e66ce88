"""Whether the changes between two versions of a table can still be read, from its log and folder alone."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from lakehouse.delta.deletion_vectors import place_of
from lakehouse.delta.log import log_of
from lakehouse.delta.note import USER_METADATA, Note
from lakehouse.delta.row_changes import leaves_rows
from lakehouse.storage import locate
from lakehouse.workspace import Workspace

if TYPE_CHECKING:
    from pyarrow.fs import FileSystem


# More files than these are better listed by the engine.
_MOST_VERSIONS = 50


def why_lost(workspace: Workspace, name: str, since: int, position: int) -> str | None:
    """Why the rows that `name` gained after version `since` and up to `position` cannot be told; None where they can.

    The log forgets commits after its retention, and VACUUM deletes the files that old changes are in.
    """
    root = workspace.table_path(name)
    if since > position:
        return f"{name} is at version {position}, before version {since}, up to which it was read."
    log, (store, base) = log_of(root), locate(root)
    for version in range(since + 1, position + 1):
        if version not in log.commits:
            return f"The log of {name} does not have version {version} any more: the changes since {since} are lost."
        actions = log.read(version)
        if _is_rebuild(actions):
            return f"{name} was made again from all of its inputs in version {version}."
        if any(_maps_columns(action.get("metaData", {})) for action in actions):
            return f"Columns of {name} changed in version {version}, and changes cannot be read across that."
        if not _has_files(store, base, actions):
            return f"VACUUM has deleted the changes of version {version} of {name}."
    return None


def added_files(workspace: Workspace, name: str, since: int, position: int) -> dict[int, list[str]] | None:
    """URIs of the files that have the rows of the change feed, by version, where no row was deleted for good.

    A merge by reference without deletions takes away only what it adds anew, and a commit without removals takes away
    nothing. Then what the feed says of the rows before does not matter to who follows the rows, and need not be read.

    Returns:
        None where the change feed itself must be asked: rows were deleted, or the files alone do not give the rows.
    """
    root = workspace.table_path(name)
    log = log_of(root)
    added: dict[int, list[str]] = {}
    if position - since > _MOST_VERSIONS:
        return None
    for version in range(since + 1, position + 1):
        actions = log.read(version) if version in log.commits else [{}]
        if leaves_rows(actions):
            continue
        gained = _gained(actions)
        if gained is None:
            return None
        added[version] = [f"{root}/{unquote(path)}" for path in gained]
    return added


def _gained(actions: Sequence[Mapping[str, Any]]) -> list[str] | None:
    """Paths of the files that a commit added, where each row in them is one of the feed and none was deleted."""
    said: Mapping[str, Any] = next((action["commitInfo"] for action in actions if "commitInfo" in action), {})
    by_reference = said.get("operation") == "MERGE" and said.get("operationParameters", {}).get("byReference") == "true"
    is_merged = by_reference and said.get("operationMetrics", {}).get("numTargetRowsDeleted") == "0"
    removed = {action["remove"]["path"] for action in actions if "remove" in action}
    if not said or any("cdc" in action or "metaData" in action for action in actions) or (removed and not is_merged):
        return None
    # A file that is removed and added has other deleted rows now, and no new ones.
    added = [action["add"] for action in actions if "add" in action and action["add"]["path"] not in removed]
    has_more = any(add.get("deletionVector") or add.get("partitionValues") or "://" in add["path"] for add in added)
    return None if has_more else [add["path"] for add in added]


def _maps_columns(metadata: Mapping[str, Any]) -> bool:
    """Whether a change of the schema may be one that Delta's change feed refuses: a rename or a wider type."""
    properties = metadata.get("configuration", {})
    mode, widens = properties.get("delta.columnMapping.mode", "none"), properties.get("delta.enableTypeWidening")
    return bool(mode != "none" or widens == "true")


def _is_rebuild(actions: Sequence[Mapping[str, Any]]) -> bool:
    """Whether a commit put rows in place of all that were there, so that its feed says nothing of what changed."""
    said: Mapping[str, Any] = next((action["commitInfo"] for action in actions if "commitInfo" in action), {})
    note = Note.from_text(said.get(USER_METADATA))
    return note is not None and bool(note.rebuild)


def _has_files(store: "FileSystem", base: str, actions: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the files are there that the change feed of one commit reads."""
    from pyarrow.fs import FileType

    changed = [action["cdc"]["path"] for action in actions if "cdc" in action]
    moved = [
        action[kind]
        for action in actions
        for kind in ("add", "remove")
        if kind in action and action[kind].get("dataChange")
    ]
    paths = [f"{base}/{unquote(path)}" for path in changed or [file["path"] for file in moved]]
    vectors = [] if changed else [file["deletionVector"] for file in moved if file.get("deletionVector")]
    paths += [path for vector in vectors if (path := place_of(base, vector))]
    return all(info.type == FileType.File for info in store.get_file_info(paths))
