"""The files of a version with all that the log says of them: delta-rs does not tell which deletion vector a file has.

The replay is that of https://github.com/delta-io/delta/blob/master/PROTOCOL.md, "Action Reconciliation".
"""

from typing import Any

from lakehouse.delta.log import Log, read_actions
from lakehouse.storage import locate

_FIELDS = ("path", "partitionValues", "size", "modificationTime", "dataChange", "stats", "tags", "deletionVector")


class NotReplayableError(Exception):
    """The log lacks something, or has what this replay does not know."""


def live_files(log: Log, version: int) -> dict[str, dict[str, Any]]:
    """The `add` actions of a version by path, as they stand in the log: the path byte for byte, too.

    Two writers spell the path of one file in two ways (`city=Zürich`, `city=Z%C3%BCrich`), and a removal by another
    spelling than the log's own removes nothing. Statistics are missing if a checkpoint has them in columns alone.

    Raises:
        NotReplayableError: the log cannot be replayed.
    """
    checkpoint = max((number for number in log.checkpoints if number <= version), default=-1)
    files = _of_checkpoint(log, checkpoint) if checkpoint >= 0 else {}
    for number in range(checkpoint + 1, version + 1):
        if number not in log.commits:
            raise NotReplayableError(f"commit {number} is missing")
        actions = log.read(number)
        # Within a commit the order says nothing: a file whose vector changes is removed and added.
        for action in actions:
            if "remove" in action:
                files.pop(action["remove"]["path"], None)
        files |= {action["add"]["path"]: action["add"] for action in actions if "add" in action}
    return files


def _of_checkpoint(log: Log, version: int) -> dict[str, dict[str, Any]]:
    """The files that a checkpoint holds, itself or in its sidecars (Delta protocol, "V2 Spec")."""
    files: dict[str, dict[str, Any]] = {}
    for file in log.checkpoints[version]:
        if file.path.endswith(".parquet"):
            adds, sidecars = _of_parquet(log.root, file.path)
        else:
            actions = read_actions(log.root, file.path)
            adds = [action["add"] for action in actions if "add" in action]
            sidecars = [action["sidecar"]["path"] for action in actions if "sidecar" in action]
        for sidecar in sidecars:
            if "/" in sidecar:
                raise NotReplayableError("a checkpoint with sidecars elsewhere")
            adds += _of_parquet(log.root, f"{file.path.rpartition('/')[0]}/_sidecars/{sidecar}")[0]
        files |= {row["path"]: _plain(row) for row in adds}
    return files


def _of_parquet(root: str, path: str) -> tuple[list[dict[str, Any]], list[str]]:
    """The `add` actions in a Parquet file of a checkpoint, and the names of its sidecars."""
    import pyarrow.parquet as pq

    store, _ = locate(root)
    try:
        with store.open_input_file(path) as stream:
            parquet = pq.ParquetFile(stream)
            names = parquet.schema_arrow.names
            # delta-rs leaves out what an empty table has none of.
            held = [field.name for field in parquet.schema_arrow.field("add").type] if "add" in names else []
            # `read_table` would take the fields out of their structures.
            rows = parquet.read([f"add.{name}" for name in _FIELDS if name in held]) if held else None
            # delta-rs has the column in every checkpoint.
            sidecars = parquet.read(["sidecar.path"])["sidecar"].to_pylist() if "sidecar" in names else []
    except FileNotFoundError:
        raise NotReplayableError("a file of a checkpoint is missing") from None
    adds = [row for row in (rows["add"].to_pylist() if rows is not None else ()) if row and row.get("path") is not None]
    return adds, [sidecar["path"] for sidecar in sidecars if sidecar and sidecar.get("path") is not None]


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """An action as it would stand in a commit: maps as dicts, nothing that is null."""
    plain = {name: value for name, value in row.items() if value is not None}
    for name in ("partitionValues", "tags"):
        if name in plain:
            plain[name] = dict(plain[name])
    vector = plain.pop("deletionVector", None) or {}
    if vector.get("storageType") is not None:
        plain["deletionVector"] = {name: value for name, value in vector.items() if value is not None}
    return {"partitionValues": {}, **plain, "dataChange": True}
