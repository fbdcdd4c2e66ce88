"""The note of a commit: what a version says of itself, as JSON in Delta's `userMetadata`.

It is a wire format: a note that was written once is read for as long as its table is kept. `from_json` reads the notes
of every version of the format, and what it does not know it keeps as it is.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

# Marks our JSON among the userMetadata of other writers; its value is the version of the format.
MARK = "lakehouse"
VERSION = 1
# What Delta's `commitInfo` calls it.
USER_METADATA = "userMetadata"
# A note names so many files of each input; a commit must stay small.
MOST_FILES = 1000


@dataclass(frozen=True)
class RowCounts:
    """The rows of one batch.

    Args:
        came: All of them.
        quarantined: Those that broke a rule.
        superseded: Those that a newer one of the same batch stood for.
    """

    came: int
    quarantined: int
    superseded: int

    @property
    def passed(self) -> int:
        """Those that the door let through."""
        return self.came - self.quarantined - self.superseded

    def to_json(self) -> dict[str, int]:
        """As the note has it."""
        return {"in": self.came, "quarantined": self.quarantined, "superseded": self.superseded}

    @classmethod
    def from_json(cls, counts: Mapping[str, Any]) -> "RowCounts":
        """What `to_json` gave."""
        return cls(int(counts.get("in", 0)), int(counts.get("quarantined", 0)), int(counts.get("superseded", 0)))


@dataclass(frozen=True)
class Totals:
    """Counts of rows since the table was made: came = passed + superseded + quarantined - replayed.

    Args:
        came: Rows that came, each counted once, also if it was replayed.
        passed: Rows that the door let through.
        superseded: Rows that a newer one of the same batch stood for.
        quarantined: Rows that went to quarantine.
        replayed: Rows that left it through the door.
    """

    came: int = 0
    passed: int = 0
    superseded: int = 0
    quarantined: int = 0
    replayed: int = 0

    def to_json(self) -> dict[str, int]:
        """As the note has it."""
        return {
            "in": self.came,
            "passed": self.passed,
            "superseded": self.superseded,
            "quarantined": self.quarantined,
            "replayed": self.replayed,
        }

    @classmethod
    def from_json(cls, counts: Mapping[str, Any]) -> "Totals":
        """What `to_json` gave."""
        return cls(
            int(counts.get("in", 0)),
            int(counts.get("passed", 0)),
            int(counts.get("superseded", 0)),
            int(counts.get("quarantined", 0)),
            int(counts.get("replayed", 0)),
        )


@dataclass(frozen=True)
class Upkeep:
    """Why files were joined, in a commit that changed no row.

    Args:
        why: In words.
        files: Files of the table before.
        small: Small ones among them that could be joined with others.
        bytes: Their bytes.
    """

    why: str
    files: int
    small: int
    bytes: int

    def to_json(self) -> dict[str, Any]:
        """As the note has it."""
        return {"why": self.why, "files": self.files, "small": self.small, "bytes": self.bytes}

    @classmethod
    def from_json(cls, upkeep: Mapping[str, Any]) -> "Upkeep":
        """What `to_json` gave."""
        return cls(str(upkeep["why"]), int(upkeep["files"]), int(upkeep["small"]), int(upkeep["bytes"]))


@dataclass(frozen=True)
class SnapshotNote:
    """What a commit says of the snapshot that it compared with the history.

    Args:
        moment: At which its keys were as they are in it: the sequence columns as text, by name.
        closed: Rows that the commit adds for keys that it did not have.
    """

    moment: Mapping[str, str]
    closed: int = 0

    def to_json(self) -> dict[str, Any]:
        """As the note has it."""
        return {"moment": dict(self.moment), "closed": self.closed}

    @classmethod
    def from_json(cls, snapshot: Mapping[str, Any]) -> "SnapshotNote":
        """What `to_json` gave."""
        return cls(dict(snapshot["moment"].items()), int(snapshot["closed"]))


@dataclass(frozen=True)
class Note:
    """What a commit of the library, or of dbt at its side, says of itself. None is what it does not speak of.

    Args:
        asset: `layer.entities`.
        run: The run.
        batch: What was read together.
        who: Account and host.
        started_at: UTC, ISO.
        seconds: From the run's start to its decision.
        mode: The write mode.
        inputs: Positions up to which the inputs were read, by name.
        since: Positions from which they were read, by name; missing for inputs that were read whole.
        sources: The table that each input is, by name.
        tables: Delta's id of it, by name of the input: positions are of that table, and of none that was made after it.
        code: Digest of the code.
        commit: Commit of the checkout; `+` if files differed from it.
        rows: The rows of the batch.
        checks: Results of the expectations, as `CheckResult` reads them.
        totals: Counts since the table was made.
        partitions: Keys of the partitions that the run was for; None for a run of the whole table.
        rebuild: True if the rows stand in place of all that were there.
        quarantine_version: Version of the quarantine whose rows were replayed; None for rows from elsewhere.
        files: Files that were read, by name of the input.
        messages: What the run told.
        action: What was done to rows in quarantine: `fix`, `discard`, `reopen`, `withhold`.
        audited: The table whose results the commit adds to `ops.checks`.
        upkeep: Why files were joined.
        snapshot: The last snapshot, in a table that is a history of snapshots.
        beside: What else the JSON has, such as dbt's name of the model.
        version: Of the format.
    """

    asset: str | None
    run: str | None = None
    batch: str | None = None
    who: str | None = None
    started_at: str | None = None
    seconds: float | None = None
    mode: str | None = None
    inputs: Mapping[str, Any] | None = None
    since: Mapping[str, Any] | None = None
    sources: Mapping[str, str] | None = None
    tables: Mapping[str, str] | None = None
    code: str | None = None
    commit: str | None = None
    rows: RowCounts | None = None
    checks: tuple[Mapping[str, Any], ...] | None = None
    totals: Totals | None = None
    partitions: tuple[str, ...] | None = None
    rebuild: bool | None = None
    quarantine_version: int | None = None
    files: Mapping[str, list[str]] | None = None
    messages: tuple[str, ...] | None = None
    action: str | None = None
    audited: str | None = None
    upkeep: Upkeep | None = None
    snapshot: SnapshotNote | None = None
    beside: Mapping[str, Any] = field(default_factory=dict)
    version: int = VERSION

    def to_json(self) -> dict[str, Any]:
        """The note as plain values, in the order in which readers know it."""
        values: dict[str, Any] = {
            MARK: self.version,
            "asset": self.asset,
            "run": self.run,
            "batch": self.batch,
            "action": self.action,
            "who": self.who,
            "of": self.audited,
            "upkeep": self.upkeep and self.upkeep.to_json(),
            "started_at": self.started_at,
            "seconds": self.seconds,
            "mode": self.mode,
            "inputs": None if self.inputs is None else dict(self.inputs),
            "since": None if self.since is None else dict(self.since),
            "sources": None if self.sources is None else dict(self.sources),
            "tables": dict(self.tables) if self.tables else None,
            "code": self.code,
            "commit": self.commit,
            "rows": self.rows and self.rows.to_json(),
            "checks": None if self.checks is None else [dict(check) for check in self.checks],
            "totals": self.totals and self.totals.to_json(),
            "partitions": None if self.partitions is None else list(self.partitions),
            "rebuild": self.rebuild,
            "replay": None if self.quarantine_version is None else {"quarantine_version": self.quarantine_version},
            "files": None if self.files is None else {name: list(files) for name, files in self.files.items()},
            "messages": None if self.messages is None else list(self.messages),
            "snapshot": self.snapshot and self.snapshot.to_json(),
        }
        # What was made by code always says from which commit, also if that is not known.
        left = {name: value for name, value in values.items() if value is not None or self._is_said(name)}
        return {**left, **self.beside}

    def _is_said(self, name: str) -> bool:
        return name == "commit" and self.code is not None

    @property
    def text(self) -> str:
        """The note as `userMetadata`."""
        return json.dumps(self.to_json(), separators=(",", ":"))

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "Note":
        """The note that `to_json` gave, now or in an earlier version of the library.

        Raises:
            ValueError: it is none of ours, or a part of it has another form.
        """
        if MARK not in values:
            raise ValueError("no note of this library")
        try:
            return cls(
                asset=values.get("asset"),
                run=values.get("run"),
                batch=values.get("batch"),
                who=values.get("who"),
                started_at=values.get("started_at"),
                seconds=values.get("seconds"),
                mode=values.get("mode"),
                inputs=_mapping(values.get("inputs")),
                since=_mapping(values.get("since")),
                sources=_mapping(values.get("sources")),
                tables=_mapping(values.get("tables")),
                code=values.get("code"),
                commit=values.get("commit"),
                rows=RowCounts.from_json(values["rows"]) if values.get("rows") else None,
                checks=_sequence(values.get("checks")),
                totals=Totals.from_json(values["totals"]) if values.get("totals") else None,
                partitions=_sequence(values.get("partitions")),
                rebuild=values.get("rebuild"),
                quarantine_version=values["replay"]["quarantine_version"] if values.get("replay") else None,
                files=_mapping(values.get("files")),
                messages=_sequence(values.get("messages")),
                action=values.get("action"),
                audited=values.get("of"),
                upkeep=Upkeep.from_json(values["upkeep"]) if values.get("upkeep") else None,
                snapshot=SnapshotNote.from_json(values["snapshot"]) if values.get("snapshot") else None,
                beside={name: value for name, value in values.items() if name not in _NAMES},
                version=int(values[MARK]),
            )
        except (TypeError, KeyError, AttributeError) as error:
            raise ValueError("a part of the note has another form") from error

    @classmethod
    def from_text(cls, text: str | None) -> "Note | None":
        """The note in the `userMetadata` of a commit; None if that is another writer's, or there is none."""
        try:
            values = json.loads(text or "{}")
            return cls.from_json(values) if isinstance(values, Mapping) else None
        except ValueError:
            return None


_NAMES = frozenset(
    (
        *(MARK, "asset", "run", "batch", "action", "who", "of", "upkeep", "started_at", "seconds", "mode", "inputs"),
        *("since", "sources", "code", "commit", "rows", "checks", "totals", "partitions", "replay", "files"),
        *("messages", "tables", "rebuild", "snapshot"),
    )
)


def _mapping(value: Any) -> dict[str, Any] | None:
    return None if value is None else dict(value.items())


def _sequence(value: Any) -> tuple[Any, ...] | None:
    if value is not None and not isinstance(value, list):
        raise TypeError("no list")
    return None if value is None else tuple(value)
