"""The way back from quarantine: a row is fixed beside its original, replayed once, or discarded with a reason."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

import lakehouse.write.door as door_module
from lakehouse.answers.row_accounts import Accounts, accounts
from lakehouse.declare.column import Column
from lakehouse.declare.table import Table, quarantine_of
from lakehouse.declare.write_modes import Append, Merge, Overwrite, ReplacePartitions
from lakehouse.delta.tables import Tables
from lakehouse.engine.exact_json import FORM
from lakehouse.errors import AuditFailedError, LakehouseError
from lakehouse.runs.replay import discard, fix, reopen, replay
from lakehouse.write import quarantine
from lakehouse.write.door import recover
from lakehouse.write.intent import open_intent
from tests.library.door import COLUMNS, Door
from tests.library.examples import examples

BETWEEN = {
    "type": "expect_column_values_to_be_between",
    "kwargs": {"column": "value", "min_value": 0, "max_value": 10, "mostly": 0.01},
    "severity": "critical",
}


def rejected(door: Door, table: Table) -> list[tuple]:
    return door.read(quarantine_of(table.name), "id", "value", "_state")


@pytest.fixture
def table(door: Door) -> Table:
    """An append table with one good and two bad rows."""
    table = door.table()
    door.suite(table, BETWEEN)
    door.write(table, door.rows((1, "a", 1, None), (2, "b", 200, None), (3, "c", 300, None)), run="first")
    return table


def test_a_fix_keeps_the_original_beside_it_with_who_when_and_why(door: Door, table: Table):
    changed = fix(door.connection, table, {"value": "value / 100"}, where="id = 2", why="sent in hundredths")

    assert changed == 1
    row = door.spark.table(quarantine_of(table.name)).where("id = 2").collect()[0]
    assert (row["value"], row["_state"]) == (2, "waiting")
    (entry,) = row["_fixes"]
    assert json.loads(entry["original"]) == {"id": 2, "name": "b", "value": 200, "sent_at": None, FORM: 1}
    assert (entry["why"], "@" in entry["by"], entry["at"] is not None) == ("sent in hundredths", True, True)


def test_a_replay_publishes_what_passes_once_and_keeps_what_fails_with_its_new_reasons(door: Door, table: Table):
    door.suite(table, BETWEEN | {"kwargs": BETWEEN["kwargs"] | {"max_value": 5}})
    fix(door.connection, table, {"value": "2"}, where="id = 2")

    done = replay(door.connection, table, run_id="second")
    again = replay(door.connection, table)

    assert (done.rows_in, done.published, done.quarantined) == (2, 1, 1)
    assert (again.rows_in, again.published, again.quarantined) == (1, 0, 1)
    assert door.read(table.name) == [(1, "a", 1), (2, "b", 2)]
    assert rejected(door, table) == [(2, 2, "replayed"), (3, 300, "waiting")]
    waiting = door.spark.table(quarantine_of(table.name)).where("id = 3").collect()[0]
    assert ["5" in reason for reason in waiting["_broken_rules"]] == [True]
    assert accounts(door.workspace, table.name) == Accounts(table.name, 3, 2, 0, 1, 0)


def test_a_replay_of_nothing_changes_nothing(door: Door):
    table = door.table()
    assert replay(door.connection, table).unchanged
    door.write(table, door.rows((1, "a", 1, None)))
    assert replay(door.connection, table).unchanged


def test_an_expectation_on_the_table_stops_a_replay(door: Door, table: Table):
    fix(door.connection, table, {"value": "2"})
    door.suite(
        table,
        BETWEEN,
        {
            "type": "expect_table_row_count_to_be_between",
            "kwargs": {"min_value": 100},
            "severity": "critical",
            "meta": {"scope": "table"},
        },
    )

    with pytest.raises(AuditFailedError):
        replay(door.connection, table)

    assert rejected(door, table) == [(2, 2, "waiting"), (3, 2, "waiting")]


def test_a_discard_needs_a_reason_and_can_be_taken_back(door: Door, table: Table):
    with pytest.raises(LakehouseError, match="a discard needs its reason"):
        discard(door.connection, table, where="id = 2", why=" ")

    assert discard(door.connection, table, where="id = 2", why="a test device") == 1
    assert replay(door.connection, table, where="id = 2").published == 0
    assert accounts(door.workspace, table.name) == Accounts(table.name, 3, 1, 0, 1, 1)

    assert reopen(door.connection, table, where="id = 2") == 1
    assert accounts(door.workspace, table.name) == Accounts(table.name, 3, 1, 0, 2, 0)


def test_an_unknown_column_or_condition_is_named_and_nothing_is_changed(door: Door, table: Table):
    with pytest.raises(LakehouseError) as error:
        fix(door.connection, table, {"valeu": "1"})
    assert str(error.value) == (
        f"{quarantine_of(table.name)} was not changed: `valeu` is no column of {table.name} (did you mean `value`?)"
    )

    with pytest.raises(LakehouseError) as error:
        fix(door.connection, table, {"value": "1"}, where="nmae = 'Ada Secret'")
    assert str(error.value) == (
        f"{quarantine_of(table.name)} was not changed: the condition or expression cannot be used "
        "(UNRESOLVED_COLUMN.WITH_SUGGESTION). It is one SQL expression, without a query in it, over the columns id, "
        "name, value, sent_at; a condition also over _row_id, _broken_rules, _run_id, _quarantined_at, _unstorable."
    )
    assert rejected(door, table) == [(2, 200, "waiting"), (3, 300, "waiting")]


CANARY = "canary-5512"
# Texts that end where they should not, ask other tables, name what is ours, or fail for a row.
HOSTILE = [
    "true) OR (true",
    "1), _state = ('replayed'",
    "true; DROP TABLE silver.x",
    "id IN (SELECT 3)",
    "EXISTS (FROM silver.x)",
    "(SELECT max(id) FROM silver.x) > 0",
    "EXISTS (TABLE silver.x)",
    "_state = 'discarded'",
    "_state_why IS NULL",
    f"CAST('{CANARY}' AS INT) > id",
    f"'{CANARY}",
    "id = 2 /* never ends",
    "sum(id) > 0",
    "explode(array(true, true))",
    "",
]


def test_no_text_of_a_person_reaches_beyond_its_own_brackets(door: Door, table: Table):
    discard(door.connection, table, where="id = 3", why="a test device")
    before = door.spark.table(quarantine_of(table.name)).orderBy("id").collect()
    published = door.read(table.name)
    acts = [
        lambda text: fix(door.connection, table, {"value": "1"}, where=text),
        lambda text: fix(door.connection, table, {"value": f"if({text}, 1, 2)" if CANARY in text else text}),
        lambda text: discard(door.connection, table, where=text, why="hostile"),
        lambda text: reopen(door.connection, table, where=text),
        lambda text: replay(door.connection, table, where=text),
    ]

    for place, text in enumerate(HOSTILE):
        # The first two acts are tried with each text, the others in turn: they read it in the same way.
        for act in (*acts[:2], acts[2 + place % 3]):
            with pytest.raises(LakehouseError) as error:
                act(text)
            assert CANARY not in str(error.value)

    assert door.spark.table(quarantine_of(table.name)).orderBy("id").collect() == before
    assert door.read(table.name) == published


def test_a_comment_ends_with_its_line_and_what_is_known_of_a_rejected_row_can_be_asked(door: Door, table: Table):
    facts = "array_contains(_broken_rules, 'x') OR _run_id IS NOT NULL -- whoever it was"

    assert fix(door.connection, table, {"value": "value / 100 -- sent in hundredths"}, where=facts) == 2
    assert [row[1] for row in rejected(door, table)] == [2, 3]


def test_what_is_shown_under_any_zone_is_utc_with_its_zone_and_finds_its_row(door: Door, table: Table, at):
    door.write(table, door.rows((4, "d", 400, at(5)), (5, "e", 5, at(6))), run="second")
    found = f"sent_at = '{at(5).isoformat(sep=' ')}'"

    for zone, options in (("America/New_York", ()), ("Asia/Kolkata", ("--json",))):
        command = [Path(sys.executable).with_name("lakehouse"), "quarantine", "show", table.name, "--where", found]
        done = subprocess.run(
            [*command, *options], env={**os.environ, "TZ": zone}, capture_output=True, text=True, check=True
        )
        assert "2026-01-01 00:00:05+00:00" in done.stdout


def test_a_replayed_row_does_not_overwrite_a_newer_one(door: Door, at):
    table = door.table(Merge(on=("id",), sequence=("sent_at",)))
    door.suite(table, BETWEEN)
    door.write(table, door.rows((1, "old", 100, at(1)), (2, "b", 2, at(1))))
    door.write(table, door.rows((1, "new", 3, at(5))))
    fix(door.connection, table, {"value": "1"})

    done = replay(door.connection, table)

    assert (done.published, done.deduplicated) == (0, 1)
    assert door.read(table.name) == [(1, "new", 3), (2, "b", 2)]
    assert rejected(door, table) == [(1, 1, "replayed")]


def test_rows_that_come_again_are_not_replayed_beside_their_successors(door: Door):
    table = door.table(Overwrite())
    door.suite(table, BETWEEN)
    door.write(table, door.rows((1, "a", 1, None), (2, "b", 200, None)))

    done = replay_after(door, table, door.rows((1, "a", 1, None), (2, "b", 2, None)))

    assert done.unchanged
    assert door.read(table.name) == [(1, "a", 1), (2, "b", 2)]
    assert rejected(door, table) == [(2, 200, "discarded")]


def replay_after(door: Door, table: Table, frame):
    door.write(table, frame)
    return replay(door.connection, table)


def test_a_replay_adds_to_a_partition_and_a_new_make_of_it_discards_its_waiting_rows(door: Door):
    columns = (*COLUMNS, Column("day", "string", "UTC date"))
    table = Table(door.table().name, columns=columns, grain="x", write=ReplacePartitions(), partitioned_by=("day",))
    door.suite(table, BETWEEN)
    door.write(
        table, door.rows((1, "a", 1, None, "1"), (2, "b", 200, None, "1"), (3, "c", 300, None, "2"), table=table)
    )

    fix(door.connection, table, {"value": "2"}, where="id = 2")
    replay(door.connection, table)
    assert door.read(table.name) == [(1, "a", 1), (2, "b", 2)]

    door.write(table, door.rows((3, "c", 3, None, "2"), table=table))
    assert door.read(table.name) == [(1, "a", 1), (2, "b", 2), (3, "c", 3)]
    assert rejected(door, table) == [(2, 2, "replayed"), (3, 300, "discarded")]


# --- counts add up at every moment ---


class PowerCut(BaseException):
    """Nothing may catch it."""


STEPS = ("save_intent", "retried", "prepare_position", "_publish", "sync", "record", "close_intent", "forget_positions")


class Rows(RuleBasedStateMachine):
    """Batches with faults, fixes, replays, discards and power cuts, in any order."""

    door: Door
    mode: Append | Merge

    @initialize()
    def begin(self) -> None:
        self.table = self.door.table(self.mode)
        self.door.suite(self.table, BETWEEN)
        self.came, self.next_id, self.stopped = 0, 1, False
        self.withheld: set[int] = set()

    def _go(self, work, cut: str | None) -> None:
        """Do some work; where the power is cut in it, leave everything as it lies."""
        if cut is None:
            work()
            return
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(door_module, cut, self._cut)
            try:
                work()
            except PowerCut:
                self.stopped = True

    @staticmethod
    def _cut(*_: object, **__: object) -> None:
        raise PowerCut

    @precondition(lambda self: not self.stopped)
    @rule(
        values=st.lists(st.sampled_from([1, 2, 300, 400]), min_size=1, max_size=4), cut=st.sampled_from([None, *STEPS])
    )
    def batch(self, values: list[int], cut: str | None) -> None:
        rows = [(self.next_id + place, "n", value, None) for place, value in enumerate(values)]
        self.next_id += len(rows)
        if all(value > 10 for value in values):
            with pytest.raises(AuditFailedError):
                self.door.write(self.table, self.door.rows(*rows))
            self.withheld = {row[0] for row in rows}
            return
        self._go(lambda: self.door.write(self.table, self.door.rows(*rows)), cut)
        if self.stopped and cut == "save_intent":
            # The decision was not taken: the batch has not come.
            self.stopped = False
            assert open_intent(self.door.workspace, self.table.name) is None
            return
        self.came += len(rows)
        self.withheld = set()

    @precondition(lambda self: not self.stopped)
    @rule(what=st.sampled_from(["2", "value - 299", "value"]), where=st.sampled_from(["true", "id % 2 = 0"]))
    def fix(self, what: str, where: str) -> None:
        fix(self.door.connection, self.table, {"value": what}, where=where)

    @precondition(lambda self: not self.stopped)
    @rule(where=st.sampled_from(["true", "id % 2 = 0"]), cut=st.sampled_from([None, *STEPS]))
    def replay(self, where: str, cut: str | None) -> None:
        self._go(lambda: replay(self.door.connection, self.table, where=where), cut)
        if cut == "save_intent":
            self.stopped = False

    @precondition(lambda self: not self.stopped)
    @rule(where=st.sampled_from(["id % 3 = 0"]), back=st.booleans())
    def discard(self, where: str, back: bool) -> None:
        if back:
            reopen(self.door.connection, self.table)
        else:
            discard(self.door.connection, self.table, where=where, why="a test")

    @precondition(lambda self: self.stopped)
    @rule()
    def power_is_back(self) -> None:
        recover(Tables(self.door.workspace), self.door.spark, self.table)
        self.stopped = False

    @invariant()
    def counts_add_up(self) -> None:
        if not hasattr(self, "table"):
            return
        account = accounts(self.door.workspace, self.table.name)
        assert account.add_up, account
        assert account.rows_in == self.came
        if not self.stopped and self.came:
            assert account.in_flight == 0
            assert self.door.spark.table(self.table.name).count() == account.passed
            ids = self.door.spark.sql(
                f"SELECT id FROM {self.table.name}"
                + (
                    f" UNION ALL SELECT id FROM {quarantine_of(self.table.name)} "
                    "WHERE _state NOT IN ('replayed', 'withheld')"
                    if account.waiting + account.discarded
                    else ""
                )
            ).collect()
            assert len({row[0] for row in ids}) == len(ids) == self.came
            # Of a batch that was refused last, and of no other: none of its rows has come.
            counts = quarantine.counts(self.door.workspace, self.table.name)
            assert counts["withheld"] == len(self.withheld)
            if self.withheld:
                sql = f"SELECT id FROM {quarantine_of(self.table.name)} WHERE _state = 'withheld'"
                assert {row[0] for row in self.door.spark.sql(sql).collect()} == self.withheld


@pytest.mark.thorough
@pytest.mark.parametrize("mode", [Append(), Merge(on=("id",))], ids=["append", "merge"])
def test_counts_add_up_at_every_moment(door: Door, mode):
    machine = type("Rows", (Rows,), {"door": door, "mode": mode})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples(1, 3),
            stateful_step_count=examples(8, 10),
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
