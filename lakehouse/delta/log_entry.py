"""A commit written by this library itself, for actions that delta-rs cannot be given: files with deletion vectors."""

import json
import os
import time
import uuid
from collections.abc import Sequence
from contextlib import suppress
from importlib.metadata import version as version_of
from typing import Any

from lakehouse.delta.log import FOLDER
from lakehouse.delta.stamp import NOTE, Stamp
from lakehouse.storage import locate


def is_local(root: str) -> bool:
    """Whether a table lies where a file can be created only if it is not there: a link on a disk does that."""
    from pyarrow.fs import LocalFileSystem

    return isinstance(locate(root)[0], LocalFileSystem)


def put_commit(root: str, version: int, actions: Sequence[dict[str, Any]]) -> None:
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
        os.link(draft, f"{folder}/{version:020d}.json")
    except FileExistsError as error:
        raise CommitFailedError(f"version {version} is there already") from error
    finally:
        with suppress(FileNotFoundError):
            os.unlink(draft)


def commit_info(
    stamp: Stamp, operation: str, *, parameters: dict[str, str], metrics: dict[str, int], read: int
) -> list[Any]:
    """The actions in which a commit says what it is: `commitInfo`, and the key that keeps it from happening twice.

    Args:
        stamp: Key and note.
        operation: In Delta's words.
        parameters: Of the operation.
        metrics: By Delta's names.
        read: The version that was looked at.
    """
    now = int(time.time() * 1000)
    info = {
        "timestamp": now,
        "operation": operation,
        "operationParameters": parameters,
        "readVersion": read,
        "isolationLevel": "Serializable",
        "isBlindAppend": False,
        "operationMetrics": {name: str(value) for name, value in metrics.items()},
        NOTE: stamp.text,
        "engineInfo": f"lakehouse/{version_of('lakehouse')}",
        "txnId": str(uuid.uuid4()),
    }
    key = {"appId": stamp.app, "version": stamp.sequence, "lastUpdated": now}
    return [{"commitInfo": info}, *([{"txn": key}] if stamp.app else [])]
