"""What the audit costs: 30 rules on each row, staged, judged and published, against the bare write of the same frame.

The bare write has the settings for big work from the start; the door is given a session as it comes.
"""

import shutil
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from benchmarks import lineitem
from benchmarks.cost import Cost, cost, over, shown
from benchmarks.figure import Figure
from benchmarks.merged import batch
from benchmarks.room import big_session, room
from lakehouse.declare.write_modes import Append, Overwrite
from lakehouse.delta.tables import Tables
from lakehouse.engine.session import Connection
from lakehouse.services import up
from lakehouse.write.door import write

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from lakehouse.workspace import Workspace

SIZES = (2_000_000, 20_000_000)
ROUNDS = 3


@dataclass(frozen=True)
class Case:
    """One comparison."""

    mode: str
    bad_percent: int
    most: float

    def table(self, rows: int) -> str:
        """Name of its table."""
        return f"silver.{self.mode}_{rows}_{self.bad_percent}"


CASES = (Case("append", 0, 1.10), Case("overwrite", 0, 1.10), Case("append", 3, 1.25), Case("overwrite", 3, 1.25))


@dataclass(frozen=True)
class Sessions:
    """Two sessions of one server."""

    workspace: "Workspace"
    bare: "SparkSession"
    ours: "SparkSession"

    def measure(self, case: Case, rows: int, rounds: int) -> tuple[list[Cost], list[Cost]]:
        """The costs of the door and of the bare write, in turns; the first round is not counted."""
        table = lineitem.declared(case.table(rows), Append() if case.mode == "append" else Overwrite())
        lineitem.write_suite(self.workspace, table.name)
        frame, same = (
            lineitem.frame(session, rows, bad_percent=case.bad_percent) for session in (self.bare, self.ours)
        )
        bare = f"{self.workspace.home}/bare"
        plainly = partial(frame.write.format("delta").mode(case.mode).save, bare)
        plain: list[Cost] = []
        audited: list[Cost] = []
        for _ in range(rounds + 1):
            plain.append(cost(self.workspace, plainly))
            audited.append(cost(self.workspace, lambda: write(Tables(self.workspace), self.ours, table, same, batch())))
        assert self.ours.table(table.name).count() > 0.9 * rows
        self.ours.sql(f"DROP TABLE {table.name}")
        shutil.rmtree(bare)
        return audited[1:], plain[1:]


def run(rounds: int = ROUNDS, sizes: tuple[int, ...] = SIZES) -> list[Figure]:
    """Each size and case in turns of bare write and door."""
    figures: list[Figure] = []
    with room() as workspace:
        up(workspace)
        with Connection(workspace) as first, Connection(workspace) as second:
            sessions = Sessions(workspace, big_session(first), second.session())
            for rows in sizes:
                for case in CASES:
                    audited, plain = sessions.measure(case, rows, rounds)
                    name = f"{case.mode}, {rows // 1_000_000} million rows, {case.bad_percent} % of them failing"
                    figures += [
                        shown(f"{name}: through the door", audited),
                        shown(f"{name}: bare", plain),
                        over(f"{name}: door over bare", audited, plain, f"at most {case.most:.2f}"),
                    ]
    return figures
