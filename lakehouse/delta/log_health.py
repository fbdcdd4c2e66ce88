"""Is a Delta log whole? An entry that is missing, empty or torn after the last checkpoint is found and named.

Neither Spark nor delta-rs says so in time: an empty entry is read as a commit that did nothing, a torn one fails with
the reader's own words, and where the last entry is missing the table is silently older than it was.
"""

from dataclasses import dataclass

from lakehouse.delta.log import FOLDER, Log, log_of
from lakehouse.errors import DamagedLogError
from lakehouse.storage import locate
from lakehouse.workspace import Workspace

MISSING, EMPTY, TORN = "missing", "empty", "torn"


@dataclass(frozen=True)
class Damage:
    """The first broken entry of a log.

    Args:
        table: `layer.entities`.
        version: Of the entry.
        kind: `missing`, `empty` or `torn`.
        last_good: The version before it; -1 where there is none.
        last: The last version that the log tells of.
    """

    table: str
    version: int
    kind: str
    last_good: int
    last: int

    def error(self, workspace: Workspace) -> DamagedLogError:
        """What to raise instead of reading or writing the table."""
        folder = f"{workspace.table_path(self.table)}/{FOLDER}"
        return DamagedLogError(self.table, folder, self.version, self.kind, self.last_good)


def first_damage(workspace: Workspace, name: str, *, is_read: bool = True, log: Log | None = None) -> Damage | None:
    """The first broken entry after the last checkpoint, None where the log is whole or there is no table.

    Args:
        workspace: Where the table is.
        name: `layer.entities`.
        is_read: Read the entries; else only those that are missing or empty are found, by listing the folder.
        log: The log, if it was listed just now.
    """
    root = workspace.table_path(name)
    damage = _first(name, log or log_of(root), is_read=is_read)
    # A listing that another writer's commits or cleanup ran through may lack a file: only what stays is damage.
    return damage and _first(name, log_of(root), is_read=is_read)


def _first(name: str, log: Log, *, is_read: bool) -> Damage | None:
    last = max([*log.commits, *log.beside], default=-1)
    for version in range(log.checkpoint + 1, last + 1):
        kind = broken(log, version, is_read=is_read)
        if kind:
            return Damage(name, version, kind, version - 1, last)
    return None


def broken(log: Log, version: int, *, is_read: bool = True) -> str:
    """What is wrong with an entry: `missing`, `empty`, `torn`, or nothing."""
    file = log.commits.get(version)
    if file is None:
        return MISSING
    if file.size == 0:
        return EMPTY
    return TORN if is_read and _is_torn(log.root, file.path) else ""


def _is_torn(root: str, path: str) -> bool:
    """Whether a line is cut or was never written: each is one JSON object, and a cut is in the last line."""
    import json

    store, _ = locate(root)
    with store.open_input_stream(path) as stream:
        lines = [line for line in stream.read().splitlines() if line.strip()]
    if not lines or not all(line.startswith(b"{") and line.rstrip().endswith(b"}") for line in lines):
        return True
    try:
        json.loads(lines[-1])
    except ValueError:
        return True
    return False
