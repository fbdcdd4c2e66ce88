"""The decision of a run, in a file: with it the staged files become a version without computing anything again."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lakehouse.declare.stored_declaration import table_from
from lakehouse.declare.table import Table
from lakehouse.delta.note import Note
from lakehouse.delta.partition_values import Partition
from lakehouse.delta.stamp import Stamp
from lakehouse.errors import DamagedDecisionError, DeclarationError
from lakehouse.quality.judge import CheckResult
from lakehouse.storage import delete_file, read_json, write_json
from lakehouse.workspace import Workspace
from lakehouse.write.position import Position, transaction
from lakehouse.write.run_kind import ForPartitions, Fresh, Rebuilt, Replayed, RunKind, is_rebuild
from lakehouse.write.stage import Staged


@dataclass(frozen=True)
class Intent:
    """A decision that outlives a crash.

    Args:
        table: `layer.entities`.
        sequence: Number of the publish.
        staged: Where the rows are.
        note: What the commits say of themselves.
        position: What the next run must know.
        kind: What the run is.
        broken_sql: Expression over the masks that gives the labels of the broken rules.
        rows: Staged rows by verdict.
        replaced: The partitions that the publish replaces; None for write modes that replace none.
        stale: SQL condition: the waiting rows of the quarantine that this publish stands for; None for none.
        results_by_partition: Results of the expectations by partition, for a run of partitions.
        adopts: Whether the staged files of good rows become the table's own, and so are never deleted by the door.
        labels: Bit and label of each rule, as `labels_of` gives them; empty in decisions that do not have them.
        table_id: Delta's id of the table that the decision is for; None in decisions that do not have it.
        declared: The declaration by which it was decided, and is carried out; None in decisions that do not have it.
        failure: Why it could not be carried out when that was tried last; None if that was not tried, or was cut off.
    """

    table: str
    sequence: int
    staged: Staged
    note: Note
    position: Position
    kind: RunKind
    broken_sql: str
    rows: dict[str, int]
    replaced: Sequence[Partition] | None = None
    stale: str | None = None
    results_by_partition: Mapping[str, tuple[CheckResult, ...]] = field(default_factory=dict)
    adopts: bool = True
    labels: Sequence[tuple[int, str]] = ()
    table_id: str | None = None
    declared: Table | None = None
    failure: str | None = None

    @property
    def stamp(self) -> Stamp:
        """The commits' key and note."""
        return Stamp(transaction(self.table), self.sequence, self.note)

    @property
    def run(self) -> str:
        """The run that decided."""
        return self.note.run or ""

    @property
    def who(self) -> str:
        """Account and host of it."""
        return self.note.who or ""

    @property
    def inputs_text(self) -> str:
        """The positions of the inputs as JSON."""
        return inputs_text(self.note.inputs or {})

    @property
    def results(self) -> tuple[CheckResult, ...]:
        """Results of the expectations."""
        return tuple(CheckResult.from_json(check) for check in self.note.checks or ())

    def to_json(self) -> dict[str, Any]:
        """As the file has it."""
        return {
            "table": self.table,
            "sequence": self.sequence,
            "staged": self.staged.to_json(),
            "note": self.note.to_json(),
            "position": self.position.to_json(),
            "broken_sql": self.broken_sql,
            "rows": self.rows,
            "partitions": None if self.replaced is None else [dict(partition) for partition in self.replaced],
            "replay": isinstance(self.kind, Replayed),
            "rebuild": isinstance(self.kind, Rebuilt),
            "stale": self.stale,
            "checks": {
                key: [result.to_json() for result in results] for key, results in self.results_by_partition.items()
            },
            "adopts": self.adopts,
            "labels": [list(label) for label in self.labels],
            **self._later(),
            **self._replaces(),
        }

    def _later(self) -> dict[str, Any]:
        """What earlier versions of the library do not know, as far as it is known here."""
        declared = None if self.declared is None else self.declared.to_json()
        values = {"table_id": self.table_id, "declared": declared, "failure": self.failure}
        return {name: value for name, value in values.items() if value is not None}

    def _replaces(self) -> dict[str, bool]:
        """What a rebuild does, if it is not what one is taken to do that does not say it."""
        says = is_rebuild(self.kind)
        return {"replaces": says} if isinstance(self.kind, Rebuilt) and says != _replaces_unsaid(self.note) else {}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "Intent":
        """The decision that `to_json` gave, now or in an earlier version of the library."""
        note, position = Note.from_json(values["note"]), Position.from_json(values["position"])
        return cls(
            table=values["table"],
            sequence=values["sequence"],
            staged=Staged(**values["staged"]),
            note=note,
            position=position,
            kind=_kind(note, position, values),
            broken_sql=values["broken_sql"],
            rows=dict(values["rows"]),
            replaced=values.get("partitions"),
            stale=values.get("stale"),
            results_by_partition={
                key: tuple(CheckResult.from_json(check) for check in checks)
                for key, checks in values.get("checks", {}).items()
            },
            adopts=values.get("adopts", True),
            labels=tuple((bit, label) for bit, label in values.get("labels", ())),
            table_id=values.get("table_id"),
            declared=table_from(values["declared"]) if values.get("declared") else None,
            failure=values.get("failure"),
        )


def inputs_text(inputs: Mapping[str, Any]) -> str:
    """Positions of inputs as a rejected row has them beside it."""
    return json.dumps(dict(inputs), separators=(",", ":"))


def _kind(note: Note, position: Position, values: Mapping[str, Any]) -> RunKind:
    """What a run is, from what its decision says in several places."""
    if note.quarantine_version is not None:
        return Replayed(note.quarantine_version)
    if note.partitions is not None:
        return ForPartitions({key: position.made_from.get(key, {}) for key in note.partitions})
    if not values.get("rebuild", False):
        return Fresh()
    return Rebuilt(replaces=values.get("replaces", _replaces_unsaid(note)))


def _replaces_unsaid(note: Note) -> bool:
    """Decisions that do not say it are of a time when only an appending table was replaced."""
    return note.mode == "Append"


def intent_place(name: str) -> str:
    """Where the decision of a table is kept, below the warehouse."""
    return f"_intents/{name}.json"


def set_aside_place(name: str) -> str:
    """Where a decision that could not be carried out is kept, below the warehouse."""
    return f"_intents/{name}.aside.json"


def _uri(workspace: Workspace, name: str) -> str:
    return f"{workspace.warehouse}/{intent_place(name)}"


def open_intent(workspace: Workspace, name: str) -> Intent | None:
    """The decision that a table's last run has not carried out, or None.

    Raises:
        DamagedDecisionError: its file says no decision.
    """
    uri = _uri(workspace, name)
    try:
        values = read_json(uri)
        return None if values is None else Intent.from_json(values)
    except (AttributeError, DeclarationError, LookupError, TypeError, ValueError) as error:
        raise DamagedDecisionError(name, uri, type(error).__name__) from None


def save_intent(workspace: Workspace, intent: Intent) -> None:
    """Note a decision; it is on disk when this returns."""
    write_json(_uri(workspace, intent.table), intent.to_json())


def close_intent(workspace: Workspace, name: str) -> None:
    """The decision is carried out."""
    delete_file(_uri(workspace, name))
