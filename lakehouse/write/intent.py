"""The decision of a run, in a file: with it the staged files become a version without computing anything again."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from lakehouse.delta.stamp import Stamp
from lakehouse.quality.judge import CheckResult
from lakehouse.storage import delete_file, read_json, write_json
from lakehouse.workspace import Workspace
from lakehouse.write.position import transaction
from lakehouse.write.stage import Staged


@dataclass(frozen=True)
class Intent:
    """A decision that outlives a crash.

    Args:
        table: `layer.entities`.
        sequence: Number of the publish.
        staged: Where the rows are.
        note: What the commits say of themselves.
        position: The note and what else the next run must know.
        broken_sql: Expression over the masks that gives the labels of the broken rules.
        rows: Staged rows by verdict.
        partitions: Values of the partitions that are replaced; None where the mode replaces none.
        replay: Whether the rows came from quarantine.
        rebuild: Whether the rows replace all that the table has.
        stale: SQL condition: the waiting rows of the quarantine that this publish stands for; None for none.
        checks: Results by partition, for a run of partitions.
        adopts: Whether the staged files of good rows become the table's own, and so are never deleted by the door.
        labels: Bit and label of each rule, as `labels_of` gives them; empty in decisions that do not have them.
    """

    table: str
    sequence: int
    staged: dict[str, Any]
    note: dict[str, Any]
    position: dict[str, Any]
    broken_sql: str
    rows: dict[str, int]
    partitions: list[dict[str, str | None]] | None = None
    replay: bool = False
    rebuild: bool = False
    stale: str | None = None
    checks: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    adopts: bool = True
    labels: Sequence[tuple[int, str]] = ()

    @property
    def stamp(self) -> Stamp:
        """The commits' key and note."""
        return Stamp(transaction(self.table), self.sequence, self.note)

    @property
    def results(self) -> tuple[CheckResult, ...]:
        """Results of the expectations."""
        return tuple(CheckResult.from_json(each) for each in self.note["checks"])

    @property
    def results_by_partition(self) -> dict[str, tuple[CheckResult, ...]]:
        """The same by partition, for a run of partitions."""
        return {key: tuple(CheckResult.from_json(each) for each in found) for key, found in self.checks.items()}

    @property
    def files(self) -> Staged:
        """What was staged."""
        return Staged(**self.staged)


def _uri(workspace: Workspace, name: str) -> str:
    return f"{workspace.warehouse}/_intents/{name}.json"


def open_intent(workspace: Workspace, name: str) -> Intent | None:
    """The decision that a table's last run has not carried out, or None."""
    found = read_json(_uri(workspace, name))
    return None if found is None else Intent(**found)


def save_intent(workspace: Workspace, intent: Intent) -> None:
    """Note a decision; it is on disk when this returns."""
    write_json(_uri(workspace, intent.table), asdict(intent))


def close_intent(workspace: Workspace, name: str) -> None:
    """The decision is carried out."""
    delete_file(_uri(workspace, name))
