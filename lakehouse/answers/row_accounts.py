"""Where every row that ever came to a table is now: the counts that must add up."""

from dataclasses import asdict, dataclass
from typing import Any

from lakehouse.answers.version import commit_at, no_such_table
from lakehouse.delta.history import commit_of, open_table
from lakehouse.delta.note import Totals
from lakehouse.errors import LakehouseError
from lakehouse.workspace import Workspace
from lakehouse.write.intent import open_intent
from lakehouse.write.position import last_position
from lakehouse.write.quarantine import counts
from lakehouse.write.quarantine_by_reference import DISCARDED, WAITING


@dataclass(frozen=True)
class Accounts:
    """Counts of rows since the table was made.

    Args:
        table: `layer.entities`.
        rows_in: Rows that came, each counted once, also if it was replayed.
        passed: Rows that the door let through (a merge may then have found a newer row in the table).
        superseded: Rows that a newer one of the same batch stood for.
        waiting: Rows in quarantine; None at an earlier version.
        discarded: Rows given up; None at an earlier version.
        in_flight: Rows that a run has decided to move and has not moved yet; 0 if no run is under way or crashed.
        version: The earlier version that was asked for; None for the table as it is now.
        in_quarantine: Rows waiting or given up at an earlier version, whose commit does not tell them apart; None for
            the table as it is now.
    """

    table: str
    rows_in: int
    passed: int
    superseded: int
    waiting: int | None
    discarded: int | None
    in_flight: int = 0
    version: int | None = None
    in_quarantine: int | None = None

    @property
    def add_up(self) -> bool:
        """Whether no row is lost and none counted twice."""
        quarantined = (self.waiting or 0) + (self.discarded or 0) + (self.in_quarantine or 0)
        return self.rows_in == self.passed + self.superseded + quarantined + self.in_flight

    def to_json(self) -> dict[str, Any]:
        """For programs: the counts, and whether they add up."""
        return {**asdict(self), "add_up": self.add_up}


def row_accounts(workspace: Workspace, name: str, version: int | None = None) -> Accounts:
    """The counts of a table that is there, now or at an earlier version. No server is asked.

    Args:
        workspace: Where the table is.
        name: `layer.entities`.
        version: Delta's; None for now.

    Raises:
        LakehouseError: no such table, a version that its log has no more, or one that says nothing of its rows.
    """
    if version is not None:
        return _accounts_at(workspace, name, version)
    if open_table(workspace, name) is None and open_intent(workspace, name) is None:
        raise no_such_table(workspace, name)
    return accounts(workspace, name)


def _accounts_at(workspace: Workspace, name: str, version: int) -> Accounts:
    """The counts of the last publish up to a version, as its own commit has them."""
    commit_at(workspace, name, version)
    _, versions = commit_of(workspace, name, version)
    for earlier in reversed(versions[: versions.index(version) + 1]):
        note = commit_at(workspace, name, earlier).note
        if note is not None and note.totals is not None:
            totals = note.totals
            return Accounts(
                table=name,
                rows_in=totals.came,
                passed=totals.passed,
                superseded=totals.superseded,
                waiting=None,
                discarded=None,
                version=version,
                in_quarantine=totals.quarantined - totals.replayed,
            )
    raise LakehouseError(
        f"No commit of {name} that its log has up to version {version} is a publish through the door, so none says "
        f"where its rows went. `lakehouse history {name}` shows who wrote it."
    )


def accounts(workspace: Workspace, name: str) -> Accounts:
    """The counts of `layer.entities` as it is now, all 0 before its first run; see `row_accounts`."""
    intent = open_intent(workspace, name)
    position = intent.position if intent else last_position(workspace, name, open_table(workspace, name))
    totals = (position and position.note.totals) or Totals()
    by_state = counts(workspace, name)
    waiting, discarded = by_state[WAITING], by_state[DISCARDED]
    return Accounts(
        table=name,
        rows_in=totals.came,
        passed=totals.passed,
        superseded=totals.superseded,
        waiting=waiting,
        discarded=discarded,
        in_flight=totals.quarantined - totals.replayed - waiting - discarded if intent else 0,
    )
