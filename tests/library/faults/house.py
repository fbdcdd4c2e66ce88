"""What one client of the harness does: bring the next batch of a mode through the door, mend and replay, and check."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lakehouse.answers.row_accounts import accounts
from lakehouse.declare.table import Table, quarantine_of
from lakehouse.delta.history import open_table
from lakehouse.delta.tables import Tables
from lakehouse.engine.session import Connection
from lakehouse.runs.replay import fix, replay
from lakehouse.runs.run import recover_if_open, run
from lakehouse.workspace import Workspace
from lakehouse.write.position import last_position
from lakehouse.write.quarantine import DISCARDED, REPLAYED, WAITING
from tests.library.by_delta_rs import rows_by_delta_rs
from tests.library.faults.batches import (
    MENDED,
    MODES,
    SUITE,
    Numbered,
    batch,
    expected,
    is_replaced,
    table_of,
    write_suite,
)
from tests.library.faults.ledger import Entry, Ledger

NAME = "source"


@dataclass(frozen=True)
class House:
    """The tables of one campaign.

    Args:
        workspace: Where they are.
        seed: Of all batches.
        run: What their names end in.
        folder: Where the ledger and the counters are.
    """

    workspace: Workspace
    seed: int
    run: str
    folder: Path

    @property
    def ledger(self) -> Ledger:
        """What was acknowledged."""
        return Ledger(self.folder / "ledger.jsonl")

    def table(self, mode: str) -> Table:
        """The table of a mode."""
        return table_of(mode, self.run)

    def source(self, mode: str) -> Numbered:
        """Its input."""
        return Numbered(mode, self.seed, str(self.folder / f"{mode}.json"))

    @classmethod
    def in_folder(cls, workspace: Workspace, seed: int, folder: Path, run: str = "") -> "House":
        """A house whose suites, counters and ledger are in a folder of its own."""
        settings = workspace.settings.model_copy(update={"project": folder})
        house = cls(Workspace(settings), seed, run, folder)
        house.furnish()
        return house

    def furnish(self) -> None:
        """Write the suites."""
        for mode in MODES:
            write_suite(self.workspace.settings.project, self.table(mode), SUITE)

    def retry(self, connection: Connection, mode: str) -> int:
        """Run the asset as it stands, as whoever comes after a crash does; give the batch that is in."""
        table, source = self.table(mode), self.source(mode)
        if not source.count:
            source.advance()
        number = source.count
        run(connection, table, lambda source: source, {NAME: source}, code="1")
        self.ledger.add(Entry("batch", mode, number))
        return number

    def following(self, connection: Connection, mode: str) -> int:
        """The next batch."""
        self.source(mode).advance()
        return self.retry(connection, mode)

    def can_mend(self, mode: str) -> bool:
        """Whether rows wait that `mend` would fix now."""
        odd = self.number(mode) % 2
        return any(state == WAITING and row % 2 == odd for row, state in self.states(mode))

    def mend(self, connection: Connection, mode: str) -> None:
        """Fix half of what waits and replay it."""
        number = self.retry(connection, mode)
        odd = number % 2
        where = f"id % 2 = {odd}"
        fix(connection, self.table(mode), {"value": MENDED}, where=where, why="too high")
        replay(connection, self.table(mode), where=where)
        self.ledger.add(Entry("replay", mode, number, odd))

    def recovered(self, connection: Connection, mode: str) -> None:
        """Finish what a crash left, note what is wrong then, and retry."""
        recover_if_open(connection, Tables(connection.workspace), self.table(mode))
        for problem in self.problems(mode):
            self.ledger.add(Entry("wrong", mode, text=problem))
        self.retry(connection, mode)

    def number(self, mode: str) -> int:
        """The last batch that is in, by the table's own word."""
        name = self.table(mode).name
        position = last_position(self.workspace, name, open_table(self.workspace, name))
        return int((position.note.inputs or {}).get(NAME, 0)) if position else 0

    def problems(self, mode: str, rows: list[tuple[Any, ...]] | None = None) -> list[str]:
        """What is not as it must be, with no run under way. Rows are read by delta-rs where none are given."""
        number, states = self.number(mode), self.states(mode)
        replayed = {row for row, state in states if state == REPLAYED}
        must = expected(mode, self.seed, number, replayed) if number else []
        has = self.read(mode) if rows is None else rows
        return [
            *self._of_ledger(mode, number, dict(states)),
            *_compared(must, has),
            *self._of_quarantine(mode, number, states),
            *self._of_accounts(mode, number),
        ]

    def read(self, mode: str) -> list[tuple[Any, ...]]:
        """The table's rows, by delta-rs."""
        delta = open_table(self.workspace, self.table(mode).name)
        names = list(self.table(mode).stored_names)
        return [] if delta is None else sorted(rows_by_delta_rs(delta, names), key=str)

    def states(self, mode: str) -> list[tuple[int, str]]:
        """Id and state of each row of the quarantine."""
        delta = open_table(self.workspace, quarantine_of(self.table(mode).name))
        return [] if delta is None else sorted(rows_by_delta_rs(delta, ["id", "_state"]))

    def _of_ledger(self, mode: str, number: int, states: dict[int, str]) -> list[str]:
        entries = self.ledger.entries(mode)
        acknowledged = max((entry.number for entry in entries if entry.what == "batch"), default=0)
        faults = [f"lost: batch {acknowledged} was acknowledged, {number} is in"] if number < acknowledged else []
        waiting = [row for row, state in states.items() if state == WAITING]
        for entry in entries:
            left = [row for row in waiting if entry.what == "replay" and row // 1000 <= entry.number]
            if any(row % 2 == entry.odd for row in left):
                faults.append(f"lost: the replay after batch {entry.number} was acknowledged, and rows wait")
        return faults

    def _of_quarantine(self, mode: str, number: int, states: list[tuple[int, str]]) -> list[str]:
        came = [batch(mode, self.seed, place) for place in range(1, number + 1)]
        bad = {row.id: row for rows in came for row in rows if not row.is_good}
        faults = [f"{len(states) - len(dict(states))} rows are twice in quarantine"] * (
            len(states) != len(dict(states))
        )
        if set(bad) != set(dict(states)):
            faults.append(
                f"quarantine: {len(set(bad) - set(dict(states)))} lost, {len(set(dict(states)) - set(bad))} odd"
            )
        for row, state in states:
            if row in bad and is_replaced(mode, came, bad[row]) != (state == DISCARDED) and state != REPLAYED:
                faults.append(f"quarantine: row {row} is {state}")
        return faults

    def _of_accounts(self, mode: str, number: int) -> list[str]:
        account = accounts(self.workspace, self.table(mode).name)
        came = sum(len(batch(mode, self.seed, place)) for place in range(1, number + 1))
        if account.add_up and not account.in_flight and account.rows_in == came:
            return []
        return [f"accounts: {came} rows came, {account}"]


def _compared(must: list[tuple[Any, ...]], has: list[tuple[Any, ...]]) -> list[str]:
    ids, must_be = [row[0] for row in has], {row[0] for row in must}
    twice, lost, odd = len(ids) - len(set(ids)), must_be - set(ids), set(ids) - must_be
    faults = [f"duplicated: {twice} rows"] * bool(twice)
    faults += [f"lost: {len(lost)} rows"] * bool(lost)
    faults += [f"odd: {len(odd)} rows"] * bool(odd)
    return faults or ["rows differ"] * (sorted(must, key=str) != sorted(has, key=str))
