"""Going back to the last good version of a table whose log is damaged. The version numbers are not used again.

Readers remember how far they read by the version. If a version were written a second time with other rows, they would
never see these. So each entry that is taken back is moved aside, and one that does nothing stands in its place.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from lakehouse.delta.history import Commit, commit_of
from lakehouse.delta.log import FOLDER, Log, log_of
from lakehouse.delta.log_health import broken, first_damage
from lakehouse.errors import LakehouseError
from lakehouse.locks import Holder, acquire, release, store_of
from lakehouse.locks.table_lock import table_lock
from lakehouse.storage import locate, read_json
from lakehouse.workspace import Workspace

# VACUUM leaves alone what begins with an underscore.
ASIDE = "_damaged"
_LAST_CHECKPOINT = "_last_checkpoint"


@dataclass(frozen=True)
class TakenBack:
    """One entry that a repair takes back.

    Args:
        version: Of the entry.
        state: `missing`, `empty`, `torn` or `good`.
        commit: What it says; None where it cannot be read.
    """

    version: int
    state: str
    commit: Commit | None


@dataclass(frozen=True)
class Repair:
    """What a repair does.

    Args:
        table: `layer.entities`.
        to: The version whose rows the table has afterwards.
        last: The version that it is then.
        taken_back: The entries between, in order.
        aside: Where they are kept.
    """

    table: str
    to: int
    last: int
    taken_back: tuple[TakenBack, ...]
    aside: str


def planned(workspace: Workspace, name: str, to: int | None = None) -> Repair | None:
    """What a repair would do; None where the log is whole. Changes nothing.

    Args:
        workspace: Where the table is.
        name: `layer.entities`.
        to: Go back to this version; None for the last good one.

    Raises:
        LakehouseError: no version to go back to, or `to` is none of them.
    """
    damage = first_damage(workspace, name)
    if damage is None:
        return None
    if damage.last_good < 0:
        raise damage.error(workspace)
    log = log_of(workspace.table_path(name))
    to = damage.last_good if to is None else to
    if to > damage.last_good or not _is_whole(log, to):
        raise LakehouseError(f"{name} cannot go back to version {to}. The last good version is {damage.last_good}.")
    taken = tuple(_taken(workspace, log, name, version) for version in range(to + 1, damage.last + 1))
    return Repair(name, to, damage.last, taken, f"{workspace.table_path(name)}/{ASIDE}")


def _is_whole(log: Log, version: int) -> bool:
    """Whether a version can be made from a checkpoint and the entries after it."""
    start = max((checkpoint for checkpoint in log.checkpoints if checkpoint <= version), default=-1)
    return version >= 0 and not any(broken(log, entry) for entry in range(start + 1, version + 1))


def _taken(workspace: Workspace, log: Log, name: str, version: int) -> TakenBack:
    state = broken(log, version)
    return TakenBack(version, state or "good", None if state else commit_of(workspace, name, version)[0])


def repair(workspace: Workspace, name: str, to: int | None = None) -> Repair | None:
    """Go back to the last good version, or to `to`; None where the log is whole. Safe to do again after a crash.

    No server may be up: an engine keeps the versions in its memory that are taken back here.

    Raises:
        LakehouseError: see `planned`.
        WorkspaceBusyError: a server commits to this warehouse.
    """
    with _alone(workspace), table_lock(workspace, name):
        plan = planned(workspace, name, to)
        if plan is None:
            return None
        root = workspace.table_path(name)
        log, moment = log_of(root), datetime.now(UTC)
        aside = f"{plan.aside}/{moment:%Y%m%dT%H%M%S%f}"
        store, path = locate(root)
        store.create_dir(f"{path}{aside[len(root) :]}", recursive=True)
        _forget_checkpoint(root, plan.to, aside)
        # From the end, so that after a crash the damage is still there to be found, and all the numbers are.
        for version in range(plan.last, plan.to, -1):
            beside = (*log.beside.get(version, ()), *log.checkpoints.get(version, ()))
            for file in beside:
                _move(root, file.relative, aside)
            if version in log.commits:
                _keep(root, log.commits[version].relative, aside)
            _stand_in(log, version, plan.to, moment)
        return Repair(name, plan.to, plan.last, plan.taken_back, aside)


@contextmanager
def _alone(workspace: Workspace) -> "Iterator[None]":
    """Hold the warehouse's lease, so that no server commits meanwhile or has the log in its memory."""
    store = store_of(workspace.warehouse)
    if store is None:
        yield
        return
    settings = workspace.settings.lease
    me = Holder.here(workspace.home, heartbeat_seconds=settings.heartbeat_seconds)
    epoch = acquire(store, me, ttl_seconds=settings.ttl_seconds, say=lambda _: None)
    try:
        yield
    finally:
        release(store, epoch)


def _move(root: str, relative: str, aside: str) -> None:
    store, path = locate(root)
    store.move(f"{path}/{FOLDER}/{relative}", f"{path}{aside[len(root) :]}/{relative}")


def _keep(root: str, relative: str, aside: str) -> None:
    store, path = locate(root)
    store.copy_file(f"{path}/{FOLDER}/{relative}", f"{path}{aside[len(root) :]}/{relative}")


def _forget_checkpoint(root: str, to: int, aside: str) -> None:
    """Move the pointer to the last checkpoint aside where that is taken back: readers then look for one themselves."""
    try:
        pointer: Any = read_json(f"{root}/{FOLDER}/{_LAST_CHECKPOINT}")
    except ValueError:
        pointer = {"version": to + 1}
    if pointer is not None and pointer["version"] > to:
        _move(root, _LAST_CHECKPOINT, aside)


def _stand_in(log: Log, version: int, to: int, moment: datetime) -> None:
    """Put an entry that does nothing in the place of one that is taken back, in one step."""
    written = int(moment.timestamp() * 1000) + version
    info: dict[str, Any] = {
        "timestamp": written,
        "operation": "REPAIR",
        "operationParameters": {"takenBackTo": str(to)},
        "operationMetrics": {},
        "engineInfo": "lakehouse",
    }
    good = log.read(to) if to in log.commits else []
    before: dict[str, Any] = next((action["commitInfo"] for action in good if "commitInfo" in action), {})
    if "inCommitTimestamp" in before:
        info["inCommitTimestamp"] = max(written, before["inCommitTimestamp"] + version - to)
    store, path = locate(log.root)
    target = f"{path}/{FOLDER}/{version:020d}.json"
    with store.open_output_stream(f"{target}.tmp") as stream:
        stream.write(json.dumps({"commitInfo": info}).encode() + b"\n")
    store.move(f"{target}.tmp", target)
