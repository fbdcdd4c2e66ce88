"""A merge by reference: staged files become the table's, and the rows that they stand for are marked as deleted.

What the engine's MERGE does in three passes over the table (find the rows, read them whole for the change feed, write
both) is one look at its keys here. The commit is one that the engine itself could have written for the same rows.
"""

import json
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING
from urllib.parse import unquote

from lakehouse.declare.table import Table
from lakehouse.declare.write_modes import Merge
from lakehouse.delta.adopt import addition, takes_references
from lakehouse.delta.deletion_vectors import read_vector, write_vectors
from lakehouse.delta.file_statistics import read_adopted
from lakehouse.delta.live_files import NotReplayableError, live_files
from lakehouse.delta.log import log_of
from lakehouse.delta.log_entry import Action, Change, commit, is_local
from lakehouse.errors import InvalidKeyError
from lakehouse.schema.stored import VECTORS
from lakehouse.storage import File, locate
from lakehouse.write.modes.match_keys import (
    Changes,
    KeyTwiceError,
    Matches,
    NotComparableError,
    StoredRows,
    Target,
    match,
)
from lakehouse.write.modes.mode import Publication, table_bytes

if TYPE_CHECKING:
    from deltalake import DeltaTable

# Beyond this a cluster reads the keys more quickly than one process.
MOST_ROWS = 50_000_000
_log = logging.getLogger(__name__)


def takes_vectors(delta: "DeltaTable") -> bool:
    """Whether rows of a table can be marked as deleted by reference."""
    properties = delta.metadata().configuration
    return (
        takes_references(delta)
        and properties.get(VECTORS) == "true"
        and properties.get("delta.appendOnly") != "true"
        and is_local(delta.table_uri)
    )


def can_adopt_merge(mode: Merge, delta: "DeltaTable") -> bool:
    """Whether a merge into a table makes the staged files its own."""
    return takes_vectors(delta) or only_adds(mode, delta)


def only_adds(mode: Merge, delta: "DeltaTable") -> bool:
    """Whether a batch can only add its rows: it has each key once, and there is nothing to merge them with."""
    return not mode.delete_when and not table_bytes(delta)


def merge_by_reference(publication: Publication, mode: Merge, *, deleted: "DeltaTable | None" = None) -> int | None:
    """Make the staged files the table's own and mark the rows that they replace or delete, in one commit.

    Args:
        publication: The rows.
        mode: Key and sequence.
        deleted: A table of deletions, by key and sequence: what is older than one of them changes nothing.

    Returns:
        Rows that changed the table; None where the engine must merge, and nothing was done.

    Raises:
        CommitFailedError: another commit came first.
        InvalidKeyError: the table has a key of the batch more than once.
    """
    delta, files = publication.delta, [file for file in publication.files if file.size]
    try:
        rows = _stored_rows(delta)
        deletions = _stored_rows(deleted) if deleted is not None else None
        if rows is None or (deleted is not None and deletions is None):
            return None
        changes = Changes(delta.table_uri, files, publication.deletions, mode.on, mode.sequence)
        matches = match(changes, rows, deletions)
    except KeyTwiceError as error:
        raise keys_twice(publication.table, delta.version(), int(error.args[0])) from None
    except (NotReplayableError, NotComparableError) as error:
        _log.info("%s: the engine merges: %s", publication.table.name, error)
        return None
    metrics = {
        "numSourceRows": publication.rows,
        "numTargetRowsInserted": matches.inserted,
        "numTargetRowsUpdated": matches.updated,
        "numTargetRowsDeleted": matches.deleted,
        "numTargetRowsCopied": 0,
        "numTargetFilesAdded": len(files),
        "numTargetDeletionVectorsAdded": len(matches.replaced),
    }
    added, removed = _moved(publication, files, rows.files, matches)
    parameters = {"predicate": json.dumps(list(mode.on))}
    commit(delta, publication.stamp, Change("MERGE", added, removed, parameters, metrics))
    return matches.inserted + matches.updated + matches.deleted


def keys_twice(table: Table, version: int, keys: int) -> InvalidKeyError:
    """The error of a merge into a table that has keys of the batch more than once."""
    return InvalidKeyError(
        f"{table.name} was not written, it stays at version {version}.\n"
        f"  {', '.join(table.key)}  expected one row per key, got {keys} keys of the batch that it has more than once\n"
        f"Delete the rows too many by SQL: the next run of {table.name} carries out what was decided, and nothing is "
        f"lost until then."
    )


def _stored_rows(delta: "DeltaTable") -> StoredRows | None:
    """The files of a table; None where there are too many rows, an unknown number, or files elsewhere.

    Raises:
        NotReplayableError: the log cannot be replayed.
    """
    from pyroaring import BitMap64

    root = delta.table_uri
    _, base = locate(root)
    targets: list[Target] = []
    rows = 0
    for path, action in live_files(log_of(root), delta.version()).items():
        if "://" in path or path.startswith("/"):
            return None
        rows += json.loads(action.get("stats") or "{}").get("numRecords", MOST_ROWS + 1)
        vector = action.get("deletionVector")
        file = File(f"{base}/{unquote(path)}", unquote(path), action["size"], action["modificationTime"])
        targets.append(Target(file, action, read_vector(root, vector) if vector else BitMap64()))
    return StoredRows(root, targets) if rows <= MOST_ROWS else None


def _moved(
    publication: Publication, files: Sequence[File], targets: Sequence[Target], matches: Matches
) -> tuple[list[Action], list[Action]]:
    """What is added and removed: each file with replaced rows under its new vector, and the staged ones."""
    from pyroaring import BitMap64

    root, table = publication.delta.table_uri, publication.table
    touched = {target.action["path"]: target for target in targets if target.action["path"] in matches.replaced}
    vectors: dict[str, BitMap64] = {
        path: target.deleted | BitMap64(matches.replaced[path]) for path, target in touched.items()
    }
    older = {file.relative: BitMap64(matches.older[file.relative]) for file in files if file.relative in matches.older}
    written = write_vectors(root, {**vectors, **older}) if vectors or older else {}
    added: list[Action] = [
        _with_vector(target.action, written[path])
        for path, target in touched.items()
        if len(vectors[path]) < json.loads(target.action["stats"])["numRecords"]
    ]
    for file in files:
        read = read_adopted(root, file, set(table.stored_names), table.partitioned_by)
        add = addition(file, read)
        if read.rows > len(older.get(file.relative, ())):
            added.append(_with_vector(add, written[file.relative]) if file.relative in written else add)
    return added, [target.action for target in touched.values()]


def _with_vector(action: Action, vector: Action) -> Action:
    """The same file with other deleted rows: its bounds hold still, but need not be reached by a row any more."""
    statistics = json.dumps({**json.loads(action["stats"]), "tightBounds": False}, separators=(",", ":"))
    return {**action, "stats": statistics, "deletionVector": vector}
