"""What one version of a table says of itself: read from its commit alone, no server is asked."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from lakehouse.delta.history import Commit, commit_of, history
from lakehouse.delta.note import Note
from lakehouse.delta.tables import table_names
from lakehouse.errors import LakehouseError, near_miss
from lakehouse.workspace import Workspace

_TARGET = re.compile(r"(?P<name>[^@]+)(?:@(?P<version>\d+))?")
# Delta's metrics of the rows that a MERGE changed.
_CHANGED = ("numTargetRowsInserted", "numTargetRowsUpdated", "numTargetRowsDeleted")


# So many names of files in a line; `--json` has all that the commit names.
_SHOWN = 5


@dataclass(frozen=True)
class Read:
    """What a version was made from.

    Args:
        name: The input's name in the transform.
        source: The table that it is; None where the commit does not say.
        since: Position of the commit before; None where all was read.
        until: Position up to which it was read: a version, or what the source counts by.
        files: The files that were read, where it is an input of files (at most a thousand names).
    """

    name: str
    source: str | None
    since: Any
    until: Any
    files: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.source or self.name}  {self.span}"

    @property
    def span(self) -> str:
        """From where to where, in words."""
        if isinstance(self.until, Mapping) and "files" in self.until:
            before = self.since.get("files") if isinstance(self.since, Mapping) else None
            more = f", {before} of them known before" if before else ""
            names = (
                f": {', '.join(self.files[:_SHOWN])}{', ...' if len(self.files) > _SHOWN else ''}" if self.files else ""
            )
            return f"{self.until['files']} files{more} (listing {str(self.until.get('listing', ''))[:12]}){names}"
        if isinstance(self.until, int):
            return (
                f"version {self.until}, all of it" if self.since is None else f"versions {self.since} to {self.until}"
            )
        return f"{self.since} to {self.until}" if self.since is not None else f"up to {self.until}"


@dataclass(frozen=True)
class Explanation:
    """A version, as its commit explains it.

    Args:
        table: `layer.entities`.
        version: Delta's.
        committed_at: UTC.
        operation: Delta's word for it, such as WRITE or MERGE.
        is_ours: Whether the door (or dbt at its side) wrote it; else only Delta's own words are known.
        who: Account and host.
        run: The run.
        started_at: UTC, ISO.
        seconds: From the run's start to its decision.
        mode: The write mode.
        code: Digest of the code.
        commit: Commit of the checkout; `+` where files differed from it.
        reads: The inputs.
        rows: Rows `in`, `published`, `quarantined` and `deduplicated`; what the commit does not say is missing.
        partitions: Keys of the partitions that the run was for; None where it was for the whole table.
        replay: Where the rows were replayed from, if they were.
        upkeep: Why files were joined, for a version that changed no row.
        checks: Results of the expectations.
        totals: Counts since the table was made.
        messages: What the run told.
        engine: What wrote it, in Delta's words.
        metrics: Delta's operation metrics.
        parameters: Delta's operation parameters, for versions of other writers.
    """

    table: str
    version: int
    committed_at: datetime
    operation: str
    is_ours: bool
    who: str | None = None
    run: str | None = None
    started_at: str | None = None
    seconds: float | None = None
    mode: str | None = None
    code: str | None = None
    commit: str | None = None
    reads: tuple[Read, ...] = ()
    rows: dict[str, int] = field(default_factory=dict)
    partitions: tuple[str, ...] | None = None
    replay: dict[str, Any] | None = None
    upkeep: dict[str, Any] | None = None
    checks: tuple[dict[str, Any], ...] = ()
    totals: dict[str, int] = field(default_factory=dict)
    messages: tuple[str, ...] = ()
    engine: str = ""
    metrics: dict[str, Any] = field(default_factory=dict)
    parameters: dict[str, Any] = field(default_factory=dict)

    @property
    def failed(self) -> tuple[dict[str, Any], ...]:
        """The checks that do not hold."""
        return tuple(check for check in self.checks if not check.get("success"))

    def to_json(self) -> dict[str, Any]:
        """All of it as plain values."""
        return asdict(self) | {"committed_at": self.committed_at.isoformat()}


def explained(table: str, commit: Commit) -> Explanation:
    """A commit in words."""
    note = commit.note
    if note is None:
        return Explanation(
            table=table,
            version=commit.version,
            committed_at=commit.committed_at,
            operation=commit.operation,
            is_ours=False,
            rows=_rows(None, commit.metrics),
            engine=commit.engine,
            metrics=commit.metrics,
            parameters=commit.parameters,
        )
    version = note.quarantine_version
    return Explanation(
        table=table,
        version=commit.version,
        committed_at=commit.committed_at,
        operation=commit.operation,
        is_ours=True,
        who=note.who,
        run=note.run,
        started_at=note.started_at,
        seconds=note.seconds,
        mode=note.mode,
        code=note.code,
        commit=note.commit,
        reads=_reads(note),
        rows=_rows(note, commit.metrics),
        partitions=note.partitions,
        replay=None if version is None else {"quarantine_version": version},
        upkeep=note.upkeep.to_json() if note.upkeep else None,
        checks=tuple(dict(check) for check in note.checks or ()),
        totals=note.totals.to_json() if note.totals else {},
        messages=note.messages or (),
        engine=commit.engine,
        metrics=commit.metrics,
    )


def _reads(note: Note) -> tuple[Read, ...]:
    since, sources, files = note.since or {}, note.sources or {}, note.files or {}
    return tuple(
        Read(name, sources.get(name), since.get(name), until, tuple(files.get(name, ())))
        for name, until in (note.inputs or {}).items()
    )


def _rows(note: Note | None, metrics: Mapping[str, Any]) -> dict[str, int]:
    """Rows in are the sum of the rows published, quarantined and deduplicated."""
    if note is None or note.rows is None:
        written = metrics.get("numOutputRows")
        return {} if written is None else {"published": int(written)}
    rows = note.rows
    changed = sum(int(metrics.get(name, 0)) for name in _CHANGED) if _CHANGED[0] in metrics else rows.passed
    if note.mode == "Scd2" and _CHANGED[0] in metrics:
        changed = int(metrics[_CHANGED[0]]) - (note.snapshot.closed if note.snapshot else 0)
    published = min(changed, rows.passed)
    deduplicated = rows.superseded + rows.passed - published
    return {"in": rows.came, "published": published, "quarantined": rows.quarantined, "deduplicated": deduplicated}


def explain(workspace: Workspace, target: str) -> Explanation:
    """What a version says of itself.

    Args:
        workspace: Where the table is.
        target: `layer.entities@version`, or `layer.entities` for the latest.

    Raises:
        LakehouseError: no such table, or a version that its log has no more.
    """
    parts = _TARGET.fullmatch(target)
    if parts is None:
        raise LakehouseError(f"`{target}` is no table. Expected layer.entities or layer.entities@version.")
    name = parts["name"]
    return explained(name, commit_at(workspace, name, None if parts["version"] is None else int(parts["version"])))


def commit_at(workspace: Workspace, name: str, version: int | None) -> Commit:
    """The commit of a version; of the latest for None.

    Raises:
        LakehouseError: no such table, or a version that its log has no more.
    """
    commit, versions = commit_of(workspace, name, version)
    if not versions:
        raise no_such_table(workspace, name)
    if commit is None:
        raise LakehouseError(f"{name} has no version {version} in its log. It has the versions {spans(versions)}.")
    return commit


def explanations(workspace: Workspace, name: str, limit: int | None) -> list[Explanation]:
    """What the last versions say of themselves, newest first.

    Raises:
        LakehouseError: no such table.
    """
    commits = history(workspace, name, limit)
    if not commits:
        raise no_such_table(workspace, name)
    return [explained(name, commit) for commit in commits]


def no_such_table(workspace: Workspace, name: str, known: Sequence[str] | None = None) -> LakehouseError:
    """The error for a table that is not there, with the one that may be meant, of `known` or of the layers' tables."""
    near = near_miss(name, table_names(workspace) if known is None else known)
    return LakehouseError(
        f"{name} does not exist in {workspace.warehouse}" + (f" (did you mean `{near}`?)" if near else "")
    )


def spans(versions: list[int]) -> str:
    """Sorted versions in words: `0 to 3 and 7`."""
    ends: list[list[int]] = []
    for version in versions:
        if ends and version == ends[-1][1] + 1:
            ends[-1][1] = version
        else:
            ends.append([version, version])
    return " and ".join(f"{first} to {last}" if first < last else f"{first}" for first, last in ends)
