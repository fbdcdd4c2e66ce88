"""Decisions that cannot be carried out: said twice in words, then set aside, and the table takes the next batch."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lakehouse.answers.row_accounts import accounts
from lakehouse.declare.column import Column
from lakehouse.declare.table import Table, quarantine_of
from lakehouse.declare.write_modes import Append, Merge, ReplacePartitions, Scd2, WriteMode
from lakehouse.delta.tables import Tables
from lakehouse.errors import DamagedDecisionError, LakehouseError
from lakehouse.project.set_aside import put_back
from lakehouse.runs.replay import fix, replay
from lakehouse.runs.run import recover_if_open
from lakehouse.schema.apply import apply
from lakehouse.storage import delete_folder
from lakehouse.write import quarantine
from lakehouse.write.intent import open_intent
from lakehouse.write.set_aside import shown
from lakehouse.write.stage import BAD, DELETION, GOOD
from tests.library.door import COLUMNS, Door
from tests.library.faults.steps import ADDED, DOOR, Gap
from tests.library.faults.steps import at as stopping_at
from tests.library.write.test_rebuilds import AT_MOST_10, make

MODES: dict[str, WriteMode] = {
    "append": Append(),
    "merge": Merge(on=("id",), sequence=("sent_at",), delete_when="name = 'gone'"),
    "partitions": ReplacePartitions(),
    "history": Scd2(on=("id",), sequence=("sent_at",)),
}
DECIDED, PUBLISHED = Gap(DOOR, "save_intent"), Gap(DOOR, "publish", is_after=False)


def staged(door: Door, table: Table, *audits: str) -> list[Path]:
    intent = open_intent(door.workspace, table.name)
    assert intent is not None
    return [Path(file.path) for audit in audits for file in intent.staged.files(audit)]


def torn(*audits: str) -> Callable[[Door, Table], None]:
    def damage(door: Door, table: Table) -> None:
        for file in staged(door, table, *audits):
            file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])

    return damage


def swept(door: Door, table: Table) -> None:
    delete_folder(open_intent(door.workspace, table.name).staged.path)


def without_part(door: Door, table: Table) -> None:
    """A value page is damaged, the footer is not."""
    for file in staged(door, table, GOOD, BAD, DELETION):
        content = bytearray(file.read_bytes())
        content[4:200] = bytes(196)
        file.write_bytes(content)


def intent_file(door: Door, table: Table) -> Path:
    return Path(door.workspace.warehouse) / "_intents" / f"{table.name}.json"


def written(text: str) -> Callable[[Door, Table], None]:
    return lambda door, table: intent_file(door, table).write_text(text) and None


def half(door: Door, table: Table) -> None:
    file = intent_file(door, table)
    file.write_text(file.read_text()[:-40])


# A value of the data, too long to be a part of a name that is drawn by chance.
CANARY = 2_147_000_111

POISONS: dict[str, Callable[[Door, Table], None]] = {
    "good_torn": torn(GOOD),
    "bad_torn": torn(BAD),
    "pages_damaged": without_part,
    "files_swept": swept,
    "decision_torn": half,
    "decision_empty": written(""),
    "decision_a_list": written("[1]"),
    "decision_without_parts": written('{"table": "silver.x", "sequence": 7}'),
    "decision_of_another_kind": written('{"table": 1, "sequence": "x", "staged": {}, "note": null}'),
}


class Fed:
    """A table, and the source that it follows."""

    def __init__(self, door: Door, mode: WriteMode, at: Callable[[int], Any]) -> None:
        by_name = {"partitioned_by": ("name",)} if isinstance(mode, ReplacePartitions) else {}
        self.door, self.at, self.said = door, at, []
        self.source = replace(door.table(Append()), max_rejected=1.0)
        self.table = Table(door.table().name, columns=COLUMNS, grain="x", write=mode, **by_name)
        self.reads = {"raw": self.source if by_name else self.source.changes()}
        door.suite(self.table, AT_MOST_10)
        door.connection.say = self.said.append

    def put(self, *rows: tuple[int, str, int, int]) -> None:
        self.door.write(self.source, self.door.rows(*((*row[:3], self.at(row[3])) for row in rows)))

    def run(self) -> Any:
        return make(self.door, self.table, self.reads)

    def cut_off(self, gap: Gap) -> None:
        """A run that ends at a gap between two steps of the door."""

        def end() -> None:
            raise KeyboardInterrupt

        undo = stopping_at(gap, end)
        try:
            with pytest.raises(KeyboardInterrupt):
                self.run()
        finally:
            undo()

    def until_well(self, tries: int = 3) -> list[LakehouseError]:
        errors: list[LakehouseError] = []
        for _ in range(tries):
            try:
                self.run()
            except LakehouseError as error:
                errors.append(error)
            else:
                return errors
        raise AssertionError(f"{self.table.name} is stuck") from errors[-1]

    def rows(self) -> list[tuple[Any, ...]]:
        where = "_is_current" if isinstance(self.table.write, Scd2) else "true"
        rows = self.door.spark.table(self.table.name).where(where).select("id", "name", "value").collect()
        return sorted(tuple(row) for row in rows)

    def rejected(self) -> list[tuple[Any, ...]]:
        return self.door.read(quarantine_of(self.table.name), "id", "value", "_state")


GAPS = (DECIDED, ADDED, PUBLISHED)
# What is done with a file that is no decision does not depend on the write mode.
CASES = [
    (mode, poison, GAPS[(place + number) % len(GAPS)])
    for number, poison in enumerate(POISONS)
    for place, mode in enumerate(MODES)
    if not poison.startswith("decision") or mode == ("append" if number % 2 else "merge")
]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("mode", "poison", "gap"), CASES, ids=[f"{mode}-{poison}-{gap}" for mode, poison, gap in CASES]
)
def test_a_decision_that_is_poisoned_at_any_step_does_not_stop_the_table(
    door: Door, at: Any, mode: str, poison: str, gap: Gap
):
    check(Fed(door, MODES[mode], at), POISONS[poison], gap)


@pytest.mark.parametrize(
    ("mode", "poison", "gap"),
    [
        ("append", "good_torn", PUBLISHED),
        pytest.param("merge", "files_swept", DECIDED, marks=pytest.mark.slow),
        pytest.param("append", "decision_torn", PUBLISHED, marks=pytest.mark.slow),
    ],
)
def test_some_poisons_in_every_run(door: Door, at: Any, mode: str, poison: str, gap: Gap):
    check(Fed(door, MODES[mode], at), POISONS[poison], gap)


def check(fed: Fed, poison: Callable[[Door, Table], None], gap: Gap) -> None:
    door, table = fed.door, fed.table
    fed.put((1, "a", 1, 1), (2, "b", 200, 1), (3, "c", 3, 1))
    fed.run()
    fed.put((4, "d", 4, 2), (5, "e", CANARY, 2), (3, "gone", 3, 2))
    fed.cut_off(gap)
    poison(door, table)
    fed.put((6, "f", 6, 3))

    errors = fed.until_well()

    assert len(errors) <= 1
    assert all(str(CANARY) not in str(error) for error in [*errors, *fed.said])
    expected = {(1, "a", 1), (3, "c", 3), (3, "gone", 3), (4, "d", 4), (6, "f", 6)}
    without = {Merge: {(3, "c", 3), (3, "gone", 3)}, Scd2: {(3, "c", 3)}}.get(type(table.write), set())
    assert fed.rows() == sorted(expected - without)
    waiting = [(2, 200, "waiting"), (5, CANARY, "waiting")]
    if isinstance(table.write, ReplacePartitions):
        # The table is read as it is: what waited came again.
        assert [row for row in fed.rejected() if row[2] == "waiting"] == [
            row for row in waiting if row in fed.rejected()
        ]
    else:
        assert fed.rejected() == waiting
    assert accounts(door.workspace, table.name).add_up
    assert (open_intent(door.workspace, table.name), shown(door.workspace, table.name)) == (None, None)
    fed.put((7, "g", 7, 4))
    fed.run()
    assert (7, "g", 7) in fed.rows()


def test_a_decision_that_was_set_aside_is_shown_with_its_rows_and_can_be_put_back(door: Door, at: Any):
    fed = Fed(door, Append(), at)
    fed.put((1, "a", 1, 1), (2, "b", 200, 1))
    fed.cut_off(PUBLISHED)
    (file,) = staged(door, fed.table, GOOD)
    whole = file.read_bytes()
    torn(GOOD)(door, fed.table)
    with pytest.raises(LakehouseError, match="1 of them are still staged and whole"):
        fed.run()
    assert shown(door.workspace, fed.table.name) is None

    recover_if_open(door.connection, Tables(door.workspace), fed.table)

    aside = shown(door.workspace, fed.table.name)
    assert (aside.rows, aside.table) == (2, fed.table.name)
    assert f"`lakehouse repair {fed.table.name}` shows it" in fed.said[0]
    # What was in quarantine already says why it is there; what could not be read is not.
    assert fed.rejected() == [(2, 200, "withheld")]

    file.write_bytes(whole)
    put_back(door.workspace, fed.table.name)
    assert (shown(door.workspace, fed.table.name), fed.rejected()) == (None, [(2, 200, "withheld")])
    fed.put((3, "c", 3, 1))
    fed.run()

    assert fed.rows() == [(1, "a", 1), (3, "c", 3)]
    assert fed.rejected() == [(2, 200, "waiting")]
    assert accounts(door.workspace, fed.table.name).add_up


def test_all_rows_of_a_decision_that_was_set_aside_are_withheld_with_the_reason(door: Door, at: Any):
    fed = Fed(door, Append(), at)
    fed.put((1, "a", 1, 1), (2, "b", 200, 1))
    fed.cut_off(DECIDED)
    intent = json.loads(intent_file(door, fed.table).read_text())
    # A decision of whose files the engine reads all, and the commit none: one file more than was decided.
    intent["rows"]["good"] += 1
    intent_file(door, fed.table).write_text(json.dumps(intent))

    with pytest.raises(LakehouseError, match="of them are still staged"):
        fed.run()
    recover_if_open(door.connection, Tables(door.workspace), fed.table)

    reasons = door.spark.table(quarantine_of(fed.table.name)).select("id", "_state", "_broken_rules").collect()
    assert sorted(tuple(row) for row in reasons) == [
        (1, "withheld", ["set aside: StagedFilesGoneError"]),
        (2, "withheld", ["value: values_between(,10)"]),
    ]
    fed.run()
    assert (fed.rows(), fed.rejected()) == ([(1, "a", 1)], [(2, 200, "waiting")])


def test_a_replay_whose_decision_is_lost_is_neither_lost_nor_done_twice(door: Door, at: Any):
    fed = Fed(door, Append(), at)
    fed.put((1, "a", 1, 1), (2, "b", 200, 1))
    fed.run()
    fix(door.connection, fed.table, {"value": "2"})
    for gap in (PUBLISHED, Gap("lakehouse.write.quarantine", "settle", is_after=False)):

        def end() -> None:
            raise KeyboardInterrupt

        undo = stopping_at(gap, end)
        with pytest.raises(KeyboardInterrupt):
            replay(door.connection, fed.table)
        undo()
        half(door, fed.table)
        recover_if_open(door.connection, Tables(door.workspace), fed.table)

    assert replay(door.connection, fed.table).unchanged
    assert fed.rows() == [(1, "a", 1), (2, "b", 2)]
    assert quarantine.counts(door.workspace, fed.table.name)["replayed"] == 1
    assert accounts(door.workspace, fed.table.name).add_up


def test_who_asks_for_the_accounts_is_told_of_a_decision_that_cannot_be_read(door: Door, at: Any):
    fed = Fed(door, Append(), at)
    fed.put((1, "a", 1, 1))
    fed.cut_off(DECIDED)
    half(door, fed.table)
    with pytest.raises(DamagedDecisionError, match="JSONDecodeError"):
        accounts(door.workspace, fed.table.name)


@pytest.mark.parametrize("mode", ["append", "merge"])
def test_apply_carries_out_what_was_decided_before_it_changes_the_table(door: Door, at: Any, mode: str):
    fed = Fed(door, MODES[mode], at)
    fed.put((1, "a", 1, 1))
    fed.run()
    fed.put((2, "b", 2, 2), (4, "x", 400, 2))
    fed.cut_off(DECIDED)
    renamed = tuple(
        Column("title", "string", "A name", renamed_from="name") if column.name == "name" else column
        for column in COLUMNS
    )
    write = fed.table.write if mode == "append" else Merge(on=("id",), sequence=("sent_at",))
    changed = replace(fed.table, columns=(*renamed, Column("note", "string", "New")), write=write)

    # The code says already what the table is to be: what was decided is of the table as it was.
    apply(
        door.connection,
        changed,
        first=lambda: recover_if_open(door.connection, Tables(door.workspace), changed),
    )

    assert open_intent(door.workspace, fed.table.name) is None
    assert door.read(fed.table.name, "id", "title", "note") == [(1, "a", None), (2, "b", None)]
    assert accounts(door.workspace, fed.table.name).add_up
