"""Where every row that ever came to a table is now: the counts that must add up."""

from dataclasses import dataclass

from lakehouse.delta.history import open_table
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
        rows_in: Rows that came, each counted once, also where it was replayed.
        passed: Rows that the door let through (a merge may then have found a newer row in the table).
        superseded: Rows that a newer one of the same batch stood for.
        waiting: Rows in quarantine.
        discarded: Rows given up.
        in_flight: Rows that a run has decided to move and has not moved yet; 0 where no run is under way or crashed.
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
    totals = {"in": 0, "passed": 0, "superseded": 0, "quarantined": 0, "replayed": 0, **position.get("totals", {})}
    found = counts(workspace, name)
    held = totals["quarantined"] - totals["replayed"]
    return Accounts(
        table=name,
        rows_in=totals["in"],
        passed=totals["passed"],
        superseded=totals["superseded"],
        waiting=found[WAITING],
        discarded=found[DISCARDED],
        in_flight=held - found[WAITING] - found[DISCARDED] if intent else 0,
    )
