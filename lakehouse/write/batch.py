"""What comes to the door, and what came of it."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from lakehouse.quality.judge import CheckResult
from lakehouse.write.run_kind import Fresh, RunKind


@dataclass(frozen=True)
class Batch:
    """What one run brings to the door.

    Args:
        run_id: The run; also names the staging folder.
        batch_id: What was read together.
        inputs: Positions up to which the inputs were read, by name.
        since: Positions from which they were read, by name; missing if all was read.
        sources: What each input is: `layer.entities`, by name; missing for inputs that are no tables.
        tables: Delta's ids of them, by name.
        files: The files that were read, by name of the input.
        code: Digest of the code.
        commit: Commit of the checkout, if known.
        kind: What the run is.
        started_at: UTC.
        messages: What the reader of the run should know.
    """

    run_id: str
    batch_id: str
    inputs: dict[str, Any] = field(default_factory=dict)
    since: dict[str, Any] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)
    tables: dict[str, str] = field(default_factory=dict)
    files: dict[str, list[str]] = field(default_factory=dict)
    code: str = ""
    commit: str | None = None
    kind: RunKind = field(default_factory=Fresh)
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    messages: tuple[str, ...] = ()


@dataclass(frozen=True)
class Published:
    """What came of a run.

    Args:
        table: `layer.entities`.
        version: The version that holds the rows, or that was kept.
        unchanged: Nothing was new, and nothing was written.
        rows_in: Rows of the frame; they are the sum of the next three.
        published: Rows that changed the table: appended, inserted, updated, deleted.
        quarantined: Rows sent to quarantine, or that stay there after a replay.
        deduplicated: Rows that an equal or newer row of the same key stands for.
        checks: Results of the expectations.
        checks_by_partition: The same by partition, for a run of partitions.
        seconds: Wall time at the door.
        messages: What the reader of the run should know.
    """

    table: str
    version: int
    unchanged: bool = False
    rows_in: int = 0
    published: int = 0
    quarantined: int = 0
    deduplicated: int = 0
    checks: tuple[CheckResult, ...] = ()
    checks_by_partition: dict[str, tuple[CheckResult, ...]] = field(default_factory=dict)
    seconds: float = 0.0
    messages: tuple[str, ...] = ()

    @property
    def summary(self) -> str:
        """One line for people."""
        if self.unchanged:
            return f"{self.table}: unchanged, version {self.version}"
        return (
            f"{self.table}: version {self.version}, {self.rows_in} rows in, {self.published} published, "
            f"{self.quarantined} quarantined, {self.deduplicated} deduplicated, {self.seconds:.1f} s"
        )

    @property
    def warnings(self) -> tuple[str, ...]:
        """The expectations of severity `warning` that the rows do not meet, in words: counts, never values of rows."""
        failed = [check for check in self.checks if check.severity == "warning" and not check.success]
        return tuple(f"warning: {check.against}" for check in failed)

    def to_json(self) -> dict[str, Any]:
        """For programs: version, counts, messages and failed warnings; all checks are in the commit (`explain`)."""
        shown = ("table", "version", "unchanged", "rows_in", "published", "quarantined", "deduplicated", "messages")
        return {name: getattr(self, name) for name in (*shown, "warnings")}
