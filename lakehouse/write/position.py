"""The position of a table: what its last publish says of itself, kept where log cleanup and VACUUM do not reach.

Each publish takes the next number of the table's transaction (`txn`, which checkpoints carry on for ever) and writes
`<table>/_position/<number>.json` before it commits. The number is in the commit with the rows, so the file that is true
is the one that the log names; one that a crash left behind is not looked at.
"""

from typing import TYPE_CHECKING, Any

from lakehouse.delta.history import MARK, last_note
from lakehouse.storage import delete_file, list_files, read_json, write_json
from lakehouse.workspace import Workspace

if TYPE_CHECKING:
    from deltalake import DeltaTable

# VACUUM leaves alone what begins with an underscore.
FOLDER = "_position"
_KEPT = 20


def transaction(name: str) -> str:
    """The application id of a table's publishes in Delta's `txn` actions."""
    return f"{MARK}/{name}"


def _uri(workspace: Workspace, name: str, sequence: int) -> str:
    return f"{workspace.table_path(name)}/{FOLDER}/{sequence}.json"


def committed(table: "DeltaTable | None", name: str) -> int:
    """Number of the last publish; 0 before the first."""
    return 0 if table is None else table.transaction_version(transaction(name)) or 0


def last_position(workspace: Workspace, name: str, table: "DeltaTable | None") -> dict[str, Any]:
    """What the last publish says of itself: inputs, code, totals, checks; an empty dict before the first.

    Where the file is lost, the commits that the log still has are asked.
    """
    sequence = committed(table, name)
    found = read_json(_uri(workspace, name, sequence)) if sequence else None
    return dict(found) if found else last_note(table)


def prepare_position(workspace: Workspace, name: str, sequence: int, position: dict[str, Any]) -> None:
    """Write a position that becomes true with the commit of its number."""
    write_json(_uri(workspace, name, sequence), position)


def forget_positions(workspace: Workspace, name: str, before: int) -> None:
    """Delete the positions of publishes long before one; a table that is taken back finds those of late."""
    for file in list_files(f"{workspace.table_path(name)}/{FOLDER}", ".json"):
        if (
            file.relative.removesuffix(".json").isdecimal()
            and int(file.relative.removesuffix(".json")) < before - _KEPT
        ):
            delete_file(file.path)
