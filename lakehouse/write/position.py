"""The position of a table: what its last publish says of itself, kept where log cleanup and VACUUM do not reach.

Each publish takes the next number of the table's transaction (`txn`, which checkpoints carry on for ever) and writes
`<table>/_position/<number>.json` before it commits. The number is in the commit with the rows, so the file that is true
is the one that the log names; one that a crash left behind is not looked at.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lakehouse.delta.history import last_note
from lakehouse.delta.note import MARK, Note
from lakehouse.quality.judge import CheckResult
from lakehouse.storage import delete_file, list_files, read_json, write_json
from lakehouse.workspace import Workspace
from lakehouse.write.run_kind import ForPartitions, RunKind

if TYPE_CHECKING:
    from deltalake import DeltaTable

# VACUUM leaves alone what begins with an underscore.
FOLDER = "_position"
_KEPT = 20
_MADE_FROM = "memory"


@dataclass(frozen=True)
class Position:
    """What the next run of a table must know.

    Args:
        note: Of the last publish: inputs, code, totals, checks.
        made_from: What each partition was made from, by key, over all runs for partitions.
    """

    note: Note
    made_from: Mapping[str, Any] = field(default_factory=dict)

    @property
    def results(self) -> tuple[CheckResult, ...]:
        """Results of the expectations at the last publish."""
        return tuple(CheckResult.from_json(check) for check in self.note.checks or ())

    def to_json(self) -> dict[str, Any]:
        """As the file has it: the note, with what the partitions were made from beside."""
        return {**self.note.to_json(), **({_MADE_FROM: dict(self.made_from)} if self.made_from else {})}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "Position":
        """What `to_json` gave."""
        note = {name: value for name, value in values.items() if name != _MADE_FROM}
        return cls(Note.from_json(note), dict(values.get(_MADE_FROM) or {}))


def position_after(note: Note, kind: RunKind, before: Position | None) -> Position:
    """The position that a publish leaves.

    Args:
        note: Of the publish.
        kind: What the run is.
        before: The position before; None for the first publish.
    """
    made_from = kind.made_from if isinstance(kind, ForPartitions) else {}
    return Position(note, {**(before.made_from if before else {}), **made_from})


def transaction(name: str) -> str:
    """The application id of a table's publishes in Delta's `txn` actions."""
    return f"{MARK}/{name}"


def _uri(workspace: Workspace, name: str, sequence: int) -> str:
    return f"{workspace.table_path(name)}/{FOLDER}/{sequence}.json"


def committed(table: "DeltaTable | None", name: str) -> int:
    """Number of the last publish; 0 before the first."""
    return 0 if table is None else table.transaction_version(transaction(name)) or 0


def last_position(workspace: Workspace, name: str, table: "DeltaTable | None") -> Position | None:
    """What the last publish says of itself; None before the first.

    If the file is lost, the commits that the log still has are asked.
    """
    sequence = committed(table, name)
    values = read_json(_uri(workspace, name, sequence)) if sequence else None
    if values:
        return Position.from_json(values)
    note = last_note(table)
    return None if note is None else Position(note)


def prepare_position(workspace: Workspace, name: str, sequence: int, position: Position) -> None:
    """Write a position that becomes true with the commit of its number."""
    write_json(_uri(workspace, name, sequence), position.to_json())


def forget_positions(workspace: Workspace, name: str, before: int) -> None:
    """Delete the positions of publishes long before one; a table that is taken back finds those of late."""
    for file in list_files(f"{workspace.table_path(name)}/{FOLDER}", ".json"):
        if (
            file.relative.removesuffix(".json").isdecimal()
            and int(file.relative.removesuffix(".json")) < before - _KEPT
        ):
            delete_file(file.path)
