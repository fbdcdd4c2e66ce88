"""Where every row that ever came to a table is now: the counts that must add up."""

from dataclasses import dataclass

from lakehouse.delta.history import open_table
from lakehouse.delta.note import Totals
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
        waiting: Rows in quarantine.
        discarded: Rows given up.
        in_flight: Rows that a run has decided to move and has not moved yet; 0 if no run is under way or crashed.
    """

    table: str
    rows_in: int
    passed: int
    superseded: int
    waiting: int
    discarded: int
    in_flight: int = 0

    @property
    def add_up(self) -> bool:
        """Whether no row is lost and none counted twice."""
        return self.rows_in == self.passed + self.superseded + self.waiting + self.discarded + self.in_flight


def accounts(workspace: Workspace, name: str) -> Accounts:
    """The counts of `layer.entities`, from its log and that of its quarantine. No server is asked."""
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
