"""A rebuild keeps what was mended in quarantine: the rows that are read again get their fixes again, once."""

from typing import Any

import pytest
from pyspark.sql import functions as F

from lakehouse.answers.row_accounts import accounts
from lakehouse.declare.column import Column
from lakehouse.declare.table import Table, quarantine_of
from lakehouse.declare.write_modes import Append, Merge, Overwrite, Scd2, WriteMode
from lakehouse.runs.replay import discard, fix, replay
from lakehouse.write import quarantine
from tests.library.door import COLUMNS, Door
from tests.library.write.test_positions import follower
from tests.library.write.test_rebuilds import AT_MOST_10, make

WITH_MAP = (*COLUMNS, Column("notes", "map<string,double>", "What was noted"))
MODES = [
    pytest.param(Append(), id="append"),
    pytest.param(Overwrite(), id="overwrite", marks=pytest.mark.slow),
    pytest.param(Merge(on=("id",), sequence=("sent_at",)), id="merge", marks=pytest.mark.slow),
    pytest.param(Scd2(on=("id",), sequence=("sent_at",)), id="history", marks=pytest.mark.slow),
]


def source_of(door: Door, *rows: tuple[Any, ...]) -> Table:
    table = Table(door.table().name, columns=WITH_MAP, grain="x", max_rejected=1.0)
    door.write(table, door.rows(*rows, table=table))
    return table


@pytest.mark.parametrize("mode", MODES)
def test_a_row_that_was_fixed_is_fixed_again_when_all_is_made_again(door: Door, at: Any, mode: WriteMode):
    rows = [
        (1, "a", 1, at(1), {"x": 1.0}),
        (2, "b", 200, at(1), {"x": float("nan")}),
        (3, "c", 300, at(1), None),
        (4, "d", 400, at(1), {}),
    ]
    source, target = source_of(door, *rows), follower(mode, WITH_MAP)
    reads = {"raw": source if isinstance(mode, Overwrite) else source.changes()}
    door.suite(target, AT_MOST_10)
    make(door, target, reads)
    fix(door.connection, target, {"value": "2"}, where="id = 2")
    replay(door.connection, target, where="id = 2")
    fix(door.connection, target, {"value": "3"}, where="id = 3")
    discard(door.connection, target, where="id = 4", why="a test")

    done = make(door, target, reads, full=True)

    assert (done.rows_in, done.quarantined) == (4, 1)
    assert door.read(target.name) == [(1, "a", 1), (2, "b", 2), (3, "c", 3)]
    counts = quarantine.counts(door.workspace, target.name)
    assert (counts["waiting"], counts["replayed"], counts["discarded"]) == (1, 1, 2)
    assert accounts(door.workspace, target.name).add_up
    again = make(door, target, reads, full=True)
    assert (again.quarantined, len(door.read(target.name))) == (1, 3)


def test_what_no_table_can_hold_is_mended_again(door: Door):
    frame = door.rows((1, "a", 1, None), (2, "b", 2, None)).withColumn(
        "name", F.expr("IF(id = 2, CAST(X'5AFC72696368' AS string), name)")
    )
    target = follower(Append())
    make(door, target, {}, lambda: frame)
    fix(door.connection, target, {"name": "decode(unbase64(_unstorable['name']), 'ISO-8859-1')"})
    replay(door.connection, target)

    make(door, target, {}, lambda: frame, full=True)

    assert door.read(target.name) == [(1, "a", 1), (2, "Zürich", 2)]
    assert quarantine.counts(door.workspace, target.name)["waiting"] == 0


def test_a_row_that_is_another_now_is_judged_as_it_is(door: Door, at: Any):
    source, target = source_of(door, (1, "a", 1, at(1), None), (2, "b", 200, at(1), None)), follower(Append(), WITH_MAP)
    door.suite(target, AT_MOST_10)
    make(door, target, {"raw": source})
    fix(door.connection, target, {"value": "2"})
    replay(door.connection, target)

    make(door, target, {"raw": source}, lambda raw: raw.withColumn("value", raw.value + 1), full=True)

    assert door.read(target.name) == [(1, "a", 2)]
    waiting = door.spark.table(quarantine_of(target.name)).where("_state = 'waiting'").select("value").collect()
    assert [row["value"] for row in waiting] == [201]
