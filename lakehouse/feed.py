"""Whether the changes between two versions of a table can still be read, from its log and folder alone."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from lakehouse.delta_log import log_of
from lakehouse.news import leaves_rows
from lakehouse.storage import locate
from lakehouse.vectors import place_of
from lakehouse.workspace import Workspace

if TYPE_CHECKING:
    from pyarrow.fs import FileSystem


def lost_feed(workspace: Workspace, name: str, since: int, position: int) -> str | None:
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
        if any(_maps_columns(action.get("metaData", {})) for action in actions):
            return f"Columns of {name} changed in version {version}, and changes cannot be read across that."
        if not _has_files(store, base, actions):
            return f"VACUUM has deleted the changes of version {version} of {name}."
    return None


def keeps_keys(workspace: Workspace, name: str, since: int, position: int) -> bool:
    """Whether no row was deleted for good between two versions: each was added, or stands for an older one of its key.

    Told by the log: a merge by reference deletes only what it adds anew, and a commit without removals deletes nothing.
    """
    log = log_of(workspace.table_path(name))
    return all(version in log.commits and _keeps_keys(log.read(version)) for version in range(since + 1, position + 1))


def _keeps_keys(actions: Sequence[Mapping[str, Any]]) -> bool:
    said: Mapping[str, Any] = next((action["commitInfo"] for action in actions if "commitInfo" in action), {})
    is_merged = said.get("operation") == "MERGE" and said.get("operationParameters", {}).get("byReference") == "true"
    only_adds = not any("remove" in action or "cdc" in action for action in actions)
    return is_merged or only_adds or leaves_rows(actions)


def _maps_columns(metadata: Mapping[str, Any]) -> bool:
    """Whether a change of the schema may be one that Delta's change feed refuses: a rename or a wider type."""
    properties = metadata.get("configuration", {})
    mode, widens = properties.get("delta.columnMapping.mode", "none"), properties.get("delta.enableTypeWidening")
    return bool(mode != "none" or widens == "true")


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
    paths = [f"{base}/{unquote(path)}" for path in changed or [each["path"] for each in moved]]
    vectors = [] if changed else [each["deletionVector"] for each in moved if each.get("deletionVector")]
    paths += [path for vector in vectors if (path := place_of(base, vector))]
    return all(info.type == FileType.File for info in store.get_file_info(paths))
