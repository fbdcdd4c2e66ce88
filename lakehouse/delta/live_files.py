"""The files of a version with all that the log says of them: delta-rs does not tell which deletion vector a file has.

The replay is that of https://github.com/delta-io/delta/blob/master/PROTOCOL.md, "Action Reconciliation".
"""

from typing import Any

from lakehouse.delta.log import Log
from lakehouse.storage import locate

_FIELDS = ("path", "partitionValues", "size", "modificationTime", "dataChange", "stats", "tags", "deletionVector")


class NotReplayableError(Exception):
    """The log has what this replay does not know, such as a checkpoint with sidecars."""


def live_files(log: Log, version: int) -> dict[str, dict[str, Any]]:
    """The `add` actions of a version by path, as they stand in the log.

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
    import pyarrow.parquet as pq

    store, _ = locate(log.root)
    files: dict[str, dict[str, Any]] = {}
    for file in log.checkpoints[version]:
        if not file.path.endswith(".parquet"):
            raise NotReplayableError("a checkpoint in JSON")
        with store.open_input_file(file.path) as stream:
            parquet = pq.ParquetFile(stream)
            names = parquet.schema_arrow.names
            # delta-rs has the column in every checkpoint.
            if "sidecar" in names and any(parquet.read(["sidecar.path"])["sidecar"].to_pylist()):
                raise NotReplayableError("a checkpoint with sidecars")
            # delta-rs leaves out what an empty table has none of.
            held = [field.name for field in parquet.schema_arrow.field("add").type] if "add" in names else []
            if held and "stats" not in held:
                raise NotReplayableError("a checkpoint without statistics as JSON")
            # `read_table` would take the fields out of their structures.
            rows = parquet.read([f"add.{name}" for name in _FIELDS if name in held]) if held else None
        for row in rows["add"].to_pylist() if rows is not None else ():
            if row is not None and row.get("path") is not None:
                files[row["path"]] = _plain(row)
    return files


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
