"""All tables of a warehouse at a glance, from their logs alone: no server is asked."""

from dataclasses import dataclass

from lakehouse.delta.history import open_table, rows_of
from lakehouse.delta.tables import table_names
from lakehouse.workspace import Workspace
from lakehouse.write.ops_checks import audited
from lakehouse.write.position import last_position
from lakehouse.write.quarantine import counts
from lakehouse.write.quarantine_by_reference import WAITING


@dataclass(frozen=True)
class TableLine:
    """One table.

    Args:
        name: `layer.entities`.
        rows: Rows now; None if the log does not say.
        version: Delta's.
        quarantined: Rows that wait in its quarantine.
        checks_passed: Of the checks of the last publish, how many hold.
        checks: How many there are.
    """

    name: str
    rows: int | None
    version: int
    quarantined: int
    checks_passed: int
    checks: int


def table_line(workspace: Workspace, name: str) -> TableLine:
    """One table at a glance."""
    delta = open_table(workspace, name)
    assert delta is not None  # noqa: S101 - the caller has seen its log
    position = last_position(workspace, name, delta)
    checks = (position and position.results) or audited(workspace, name, delta.version())
    return TableLine(
        name=name,
        rows=rows_of(delta),
        version=delta.version(),
        quarantined=counts(workspace, name)[WAITING],
        checks_passed=sum(check.success for check in checks),
        checks=len(checks),
    )


def overview(workspace: Workspace) -> list[TableLine]:
    """Every table of the warehouse."""
    return [table_line(workspace, name) for name in table_names(workspace)]
