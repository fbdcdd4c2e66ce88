"""Which versions of a table changed its rows: compaction and the like are no news to who reads it.

Told by the actions of the log, whoever wrote them: a commit whose files all say `dataChange: false`, and that changes
neither schema nor protocol, leaves the rows as they were.
(https://github.com/delta-io/delta/blob/master/PROTOCOL.md, "Add File and Remove File")
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lakehouse.delta.log import Log, log_of
from lakehouse.workspace import Workspace

if TYPE_CHECKING:
    from deltalake import DeltaTable

# What a commit may have beside files and leave the rows as they are.
_BESIDE = frozenset(("commitInfo", "txn", "domainMetadata", "checkpointMetadata"))
_FILES = ("add", "remove")


def leaves_rows(actions: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the rows, and the columns, are the same after a commit as before. False where it is not sure."""
    for action in actions:
        for kind, said in action.items():
            if kind in _FILES and said.get("dataChange") is not False:
                return False
            if kind not in _FILES and kind not in _BESIDE:
                return False
    return True


def last_row_change(table: "DeltaTable | None") -> int | None:
    """The newest version that changed rows or columns of a table; None if there is no table. Starts no job.

    If the log has forgotten it, the last version that it has forgotten: its rows are the same.
    """
    if table is None:
        return None
    latest, log = table.version(), log_of(table.table_uri)
    while latest > 0 and latest in log.commits and leaves_rows(log.read(latest)):
        latest -= 1
    return latest


def newest_with_same_rows(workspace: Workspace, name: str, version: int) -> int:
    """The newest version that has the same rows and columns as `version`.

    VACUUM may have deleted the files of the older one.
    """
    return _newest_with_same_rows(log_of(workspace.table_path(name)), version)


def _newest_with_same_rows(log: Log, version: int) -> int:
    while version + 1 in log.commits and leaves_rows(log.read(version + 1)):
        version += 1
    return version
