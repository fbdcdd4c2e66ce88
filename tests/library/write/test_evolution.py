"""A table, its quarantine and what it remembers of deleted keys change as one: after any change every command works."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from deltalake import DeltaTable
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from lakehouse.answers.row_accounts import accounts
from lakehouse.answers.tables import table_line
from lakehouse.declare.column import Column
from lakehouse.declare.table import Table, deleted_of, quarantine_of
from lakehouse.declare.write_modes import Merge
from lakehouse.delta.tables import Tables
from lakehouse.errors import DeclarationDiffersError
from lakehouse.runs.plan import Extent
from lakehouse.runs.replay import discard, fix, reopen, replay, unfix
from lakehouse.runs.run import recover_if_open, run
from lakehouse.schema.apply import apply, plan
from lakehouse.schema.behind import behind, differing_behind
from lakehouse.write import quarantine
from tests.library.door import Door
from tests.library.write.test_positions import follower

COLUMNS = (
    Column("id", "int", "Key", nullable=False),
    Column("name", "string", "A name"),
    Column("value", "int", "A number"),
    Column("step", "int", "Order of the changes"),
)
WIDER = {"int": "bigint", "bigint": "decimal(38,0)"}


def start() -> Table:
    merge = Merge(on=("id",), sequence=("step",), delete_when="name = 'gone'")
    return replace(follower(merge, COLUMNS), constraints=(("small", "value < 100"),), max_rejected=1.0)


def renamed(table: Table, place: int, number: int) -> Table:
    """A column called otherwise, and all that names it."""
    before, after = table.columns[place].name, f"n{number}_{place}"

    def other(names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(after if name == before else name for name in names)

    assert isinstance(table.write, Merge)
    columns = list(table.columns)
    columns[place] = replace(columns[place], name=after, renamed_from=before)
    write = Merge(other(table.write.on), other(table.write.sequence), table.write.delete_when.replace(before, after))
    rules = tuple((name, sql.replace(before, after)) for name, sql in table.constraints)
    return replace(table, columns=tuple(columns), write=write, constraints=rules)


def widened(table: Table, place: int, number: int) -> Table:
    columns = list(table.columns)
    type_ = WIDER.get(columns[place].type, columns[place].type)
    columns[place] = replace(columns[place], type=type_, renamed_from=None)
    return replace(table, columns=tuple(columns))


def longer(table: Table, place: int, number: int) -> Table:
    return replace(table, columns=(*table.columns, Column(f"more_{number}", "string", "New")))


CHANGES: dict[str, Callable[[Table, int, int], Table]] = {"rename": renamed, "widen": widened, "add": longer}
HISTORIES = st.lists(st.tuples(st.sampled_from(sorted(CHANGES)), st.sampled_from([0, 1, 2, 3])), min_size=1, max_size=3)


class Evolving:
    """A table with rows in it, in its quarantine and in its memory, and what they are to be."""

    def __init__(self, door: Door) -> None:
        self.door, self.table, self.number = door, start(), 0
        self.rows: dict[int, int] = {}
        self.gone: set[int] = set()

    def bring(self, *rows: tuple[int, str, int, int]) -> None:
        columns = self.table.columns
        selects = []
        for row in rows:
            values = (*map(repr, row), *["NULL"] * (len(columns) - len(row)))
            parts = [f"CAST({value} AS {c.type}) AS {c.name}" for c, value in zip(columns, values, strict=True)]
            selects.append(f"SELECT {', '.join(parts)}")
        frame = self.door.spark.sql(" UNION ALL ".join(selects))
        run(self.door.connection, self.table, lambda: frame, {}, code=f"{self.table.name}{self.number}")

    def step(self) -> None:
        """A new row, a bad one, a deletion, and an older change of each key that was deleted before."""
        self.number += 1
        base = self.number * 10
        big = 2**31 + self.number if self.table.columns[0].type != "int" else base + 5
        late = [(key, "late", 1, 1) for key in sorted(self.gone)]
        rows = [(base, "new", self.number, 50), (base + 1, "bad", 100 + self.number, 50), (big, "big", 1, 50)]
        deletions = [(base - 10, "gone", 0, 60)] if base - 10 in self.rows else []
        self.bring(*rows, *deletions, *late)
        self.rows |= {base: self.number, big: 1}
        for key, *_ in deletions:
            del self.rows[key]
            self.gone.add(key)

    def change(self, kind: str, place: int) -> None:
        table = CHANGES[kind](self.table, place, self.number)
        columns = tuple(
            column if kind == "rename" and position == place else replace(column, renamed_from=None)
            for position, column in enumerate(table.columns)
        )
        self.table = replace(table, columns=columns)
        tables = Tables(self.door.workspace)
        applied = apply(
            self.door.connection, self.table, first=lambda: recover_if_open(self.door.connection, tables, self.table)
        )
        assert applied.refused == ()

    def check(self) -> None:
        door, table = self.door, self.table
        key, _, value, _ = table.column_names[:4]
        stored = door.spark.table(table.name).select(key, value).collect()
        assert {int(row[0]): int(row[1]) for row in stored} == self.rows
        assert plan(door.workspace, [table]) == []
        assert table_line(door.workspace, table.name).problem == ""
        assert accounts(door.workspace, table.name).add_up
        for name in (table.name, quarantine_of(table.name), deleted_of(table.name)):
            features = DeltaTable(door.workspace.table_path(name)).protocol().reader_features or ()
            assert "typeWidening" not in features


def every_command(evolving: Evolving) -> None:
    """Each way back of the rows that wait: all work on rows of earlier shapes."""
    door, table = evolving.door, evolving.table
    key, _, value, _ = table.column_names[:4]
    waits = quarantine.counts(door.workspace, table.name)["waiting"]
    assert fix(door.connection, table, {value: "7"}) == waits
    assert unfix(door.connection, table) == waits
    assert replay(door.connection, table).published == 0
    assert discard(door.connection, table, where=f"{key} = 11", why="a test") == reopen(door.connection, table) == 1
    assert fix(door.connection, table, {value: "7"}, where=f"{key} = 11") == 1
    assert replay(door.connection, table).published == 1
    evolving.rows[11] = 7
    assert quarantine.counts(door.workspace, table.name)["waiting"] == waits - 1
    evolving.check()


def check(door: Door, history: list[tuple[str, int]]) -> None:
    evolving = Evolving(door)
    evolving.step()
    evolving.step()
    for kind, place in history:
        evolving.change(kind, place)
        evolving.step()
        evolving.check()
    every_command(evolving)


@settings(
    max_examples=3, deadline=None, phases=(Phase.explicit, Phase.generate), suppress_health_check=list(HealthCheck)
)
@given(history=HISTORIES)
@pytest.mark.slow
def test_after_any_history_of_changes_every_command_works(door: Door, history: list[tuple[str, int]]):
    check(door, history)


@pytest.mark.slow
def test_a_key_and_its_order_are_renamed_and_widened_and_deletions_stay_remembered(door: Door):
    check(door, [("rename", 0), ("rename", 3), ("widen", 0)])


def test_a_table_whose_memory_was_left_behind_is_refused_until_apply_has_mended_it(door: Door):
    evolving = Evolving(door)
    evolving.step()
    evolving.step()
    # As after a cut between the change of the table and that of what is behind it.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lakehouse.schema.apply.behind", lambda *_: ())
        evolving.change("rename", 0)
    assert {other.layer for other in behind(Tables(door.workspace), evolving.table)} == {"quarantine", "ops"}
    assert differing_behind(Tables(door.workspace), evolving.table)
    with pytest.raises(DeclarationDiffersError, match=f"ops.deleted_silver_{evolving.table.entity}"):
        evolving.step()
    evolving.number -= 1

    apply(door.connection, evolving.table)

    evolving.step()
    evolving.check()


def test_another_key_forgets_what_was_deleted_by_the_one_before_with_the_rebuild(door: Door):
    evolving = Evolving(door)
    evolving.step()
    evolving.step()
    evolving.step()
    other = replace(evolving.table, write=replace(evolving.table.write, on=("name",)))
    apply(door.connection, other)
    frame = door.spark.sql("SELECT 1 AS id, 'a' AS name, 1 AS value, 1 AS step UNION ALL SELECT 2, 'gone', 2, 2")

    run(door.connection, other, lambda: frame, {}, code="other", extent=Extent(full=True))

    assert [tuple(row) for row in door.spark.table(other.name).select("id", "name").collect()] == [(1, "a")]
    remembered = door.spark.table(deleted_of(other.name))
    assert (sorted(remembered.columns), remembered.count()) == (["name", "step"], 1)
    assert differing_behind(Tables(door.workspace), other) == ()
