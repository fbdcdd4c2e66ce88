"""Dropping a table so that it can be brought back: its folders are moved aside, its names leave the catalogue.

The record is written before the first step. The table's own folder is the first to go and the last to come back: who
sees it sees all that belongs to it. Each step may be done again, so what a crash cut off is finished or undone.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from lakehouse.delta.log import log_of
from lakehouse.errors import LakehouseError
from lakehouse.schema.catalogue import refuse_elsewhere, register, unregister
from lakehouse.schema.dropped import Dropped, folder_of, forget, save
from lakehouse.storage import delete_folder, sync
from lakehouse.workspace import Workspace

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def root_of(workspace: Workspace) -> Path:
    """The warehouse as a local folder.

    Raises:
        LakehouseError: it is in an object store.
    """
    root = workspace.local_warehouse
    if root is None:
        raise LakehouseError(
            f"nothing was dropped or restored: {workspace.warehouse} is an object store, which cannot move a folder in "
            "one step. To remove a table there for good, delete its folder and take its name out of the catalogue with "
            "`DROP TABLE`."
        )
    return root


def set_aside(workspace: Workspace, session: "SparkSession", drop: Dropped) -> Dropped:
    """Move all that is stored of a table aside, and take its names out of the catalogue. Under the table's lock.

    Raises:
        LakehouseError: the warehouse is no local folder, or the catalogue has a name for a folder elsewhere; nothing
            was moved.
    """
    root = root_of(workspace)
    for name in drop.tables:
        refuse_elsewhere(workspace, session, name)
    drop = save(root, drop, "dropping")
    kept = folder_of(root, drop)
    for place in drop.places:
        # What stands at the place of a part that was moved already was made since by somebody else.
        if not (kept / place).exists():
            move(root / place, kept / place)
    for name in drop.tables:
        unregister(workspace, session, name)
    if _is_kept(root, drop):
        return save(root, drop, "dropped")
    _clear(root, drop)
    return replace(drop, state="dropped")


def finish(workspace: Workspace, session: "SparkSession", drop: Dropped) -> Dropped | None:
    """Finish a drop that was cut off; None, and its record is taken away, if nothing was moved yet or is any more.

    What is stored of the table then may be more than the record knows. Under the table's lock.
    """
    root = root_of(workspace)
    if _is_kept(root, drop):
        return set_aside(workspace, session, drop)
    _clear(root, drop)
    return None


def bring_back(workspace: Workspace, session: "SparkSession", drop: Dropped) -> None:
    """Move all of a drop back to its places, and give it its names in the catalogue. Under the table's lock.

    Raises:
        LakehouseError: something else stands at one of the places, or the catalogue has a name for a folder elsewhere;
            nothing was moved.
    """
    root = root_of(workspace)
    kept = folder_of(root, drop)
    taken = [place for place in drop.places if (kept / place).exists() and (root / place).exists()]
    if taken:
        raise LakehouseError(
            f"{drop.table} was not restored: there is something in its place again ({', '.join(taken)} in {root}). "
            f"Drop that first (`lakehouse drop {drop.table}`), then `lakehouse restore {drop.table} --id {drop.id}`."
        )
    for name in drop.tables:
        refuse_elsewhere(workspace, session, name)
    drop = save(root, drop, "restoring")
    for place in reversed(drop.places):
        move(kept / place, root / place)
    for name in drop.tables:
        if not log_of(workspace.table_path(name)).is_empty:
            register(workspace, session, name)
    _clear(root, drop)


def purge(workspace: Workspace, drop: Dropped) -> None:
    """Delete all of a drop for good. Safe to do again after a crash: what was begun to be deleted is not restored."""
    root = root_of(workspace)
    drop = save(root, drop, "purging")
    for place in drop.places:
        kept = folder_of(root, drop) / place
        if kept.is_dir():
            delete_folder(str(kept))
        else:
            kept.unlink(missing_ok=True)
    _clear(root, drop)


def move(source: Path, target: Path) -> None:
    """Move a file or a folder in one step; nothing happens where it is not there.

    Raises:
        LakehouseError: the two are not in one file system.
    """
    import errno

    if not source.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        source.rename(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        raise LakehouseError(
            f"{source} was left where it is: {target.parent} is another file system, so it cannot be moved there in "
            f"one step. Nothing is lost; `lakehouse restore` puts back what was moved before."
        ) from None
    sync(str(target.parent), target.name)
    sync(str(source.parent), "")


def _is_kept(root: Path, drop: Dropped) -> bool:
    """Whether anything of a drop is aside."""
    return any((folder_of(root, drop) / place).exists() for place in drop.places)


def _clear(root: Path, drop: Dropped) -> None:
    """Take the record of a drop away, and the empty folders that it was in."""
    forget(root, drop)
    kept = folder_of(root, drop)
    _remove_empty([*sorted((path for path in kept.rglob("*") if path.is_dir()), reverse=True), kept, kept.parent])


def _remove_empty(folders: Sequence[Path]) -> None:
    for folder in folders:
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
