"""All tables of a warehouse at a glance, from their logs alone: no server is asked."""

from dataclasses import dataclass

from lakehouse.delta.history import open_table, rows_of
from lakehouse.delta.tables import id_of, table_names
from lakehouse.errors import LakehouseError
from lakehouse.quality.suite.expectation import TABLE
from lakehouse.workspace import Workspace
from lakehouse.write.ops_checks import audited
from lakehouse.write.position import last_position
from lakehouse.write.quarantine import counts
from lakehouse.write.quarantine_by_reference import WAITING, WITHHELD


@dataclass(frozen=True)
class TableLine:
    """One table.

    Args:
        name: `layer.entities`.
        rows: Rows now; None if the log does not say.
        version: Delta's; None if the table, or what stands behind it, cannot be read.
        quarantined: Rows that wait in its quarantine, or are withheld there.
        checks_passed: Of the checks of the last publish, how many hold.
        checks: How many there are.
        checks_of_table: How many of them speak of the whole table; the others speak of the rows that came last.
        problem: Why it cannot be read, and what to do; empty if it can.
    """

    name: str
    rows: int | None = None
    version: int | None = None
    quarantined: int = 0
    checks_passed: int = 0
    checks: int = 0
    checks_of_table: int = 0
    problem: str = ""


def table_line(workspace: Workspace, name: str) -> TableLine:
    """One table at a glance."""
    delta = open_table(workspace, name)
    assert delta is not None  # noqa: S101 - the caller has seen its log
    position = last_position(workspace, name, delta)
    by_state = counts(workspace, name)
    checks = (position and position.results) or audited(workspace, name, delta.version(), id_of(delta))
    return TableLine(
        name=name,
        rows=rows_of(delta),
        version=delta.version(),
        quarantined=by_state[WAITING] + by_state[WITHHELD],
        checks_passed=sum(check.success for check in checks),
        checks=len(checks),
        checks_of_table=sum(check.scope == TABLE for check in checks),
    )


def overview(workspace: Workspace) -> list[TableLine]:
    """Every table of the warehouse; one that cannot be read says so and hides no other."""
    return [_line_or_problem(workspace, name) for name in table_names(workspace)]


def _line_or_problem(workspace: Workspace, name: str) -> TableLine:
    try:
        return table_line(workspace, name)
    except LakehouseError as error:
        return TableLine(name, problem=str(error))
    except (OSError, ValueError) as error:
        # Arrow's errors, too: their text may hold values of the data.
        return TableLine(
            name, problem=f"a file of {name}, or of its quarantine, cannot be read ({type(error).__name__})"
        )
