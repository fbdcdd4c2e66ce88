"""Whether the changes between two versions of a table can still be read, from its log and folder alone."""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from lakehouse.storage import list_files, locate
from lakehouse.workspace import Workspace

if TYPE_CHECKING:
    from pyarrow.fs import FileSystem


def lost_feed(workspace: Workspace, name: str, since: int, position: int) -> str | None:
    """Why the rows that `name` gained after version `since` and up to `position` cannot be told; None where they can.

    The log forgets commits after its retention, and VACUUM deletes the files that old changes are in.
    """
    root = workspace.table_path(name)
    kept = {file.relative: file.path for file in list_files(f"{root}/_delta_log", ".json")}
    if since > position:
        return f"{name} is at version {position}, before version {since}, up to which it was read."
    store, base = locate(root)
    for version in range(since + 1, position + 1):
        entry = kept.get(f"{version:020d}.json")
        if entry is None:
            return f"The log of {name} does not have version {version} any more: the changes since {since} are lost."
        actions = _actions(store, entry)
        if any(_maps_columns(action.get("metaData", {})) for action in actions):
            return f"Columns of {name} changed in version {version}, and changes cannot be read across that."
        if not _has_files(store, base, actions):
            return f"VACUUM has deleted the changes of version {version} of {name}."
    return None


def _actions(store: "FileSystem", entry: str) -> list[dict[str, Any]]:
    with store.open_input_stream(entry) as stream:
        return [json.loads(line) for line in stream.read().splitlines() if line]


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
        action[kind]["path"]
        for action in actions
        for kind in ("add", "remove")
        if kind in action and action[kind].get("dataChange")
    ]
    paths = [f"{base}/{unquote(path)}" for path in changed or moved]
    return all(info.type == FileType.File for info in store.get_file_info(paths))
