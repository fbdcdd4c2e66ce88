"""Keys that a table has more than once: no merge takes them for one row, and nobody says that all is as declared."""

from dataclasses import replace
from typing import Any

import pytest

from lakehouse.declare.write_modes import Append, Merge, Scd2
from lakehouse.delta.history import open_table, version_of
from lakehouse.errors import DeclarationDiffersError, InvalidKeyError
from lakehouse.runs.plan import Extent
from lakehouse.runs.run import run
from lakehouse.schema.apply import apply, plan, refused_by_rows
from lakehouse.schema.create import KEY
from tests.library.door import Door
from tests.library.write.test_positions import as_it_is, follower

MERGE = Merge(on=("id",), sequence=("sent_at",))


def key_of(door: Door, name: str) -> str | None:
    return open_table(door.workspace, name).metadata().configuration.get(KEY)


def test_an_appended_table_with_a_key_twice_is_not_merged_into(door: Door, at: Any):
    source, appended = door.table(), follower()
    reads = {"raw": source.changes()}
    door.write(source, door.rows((1, "a", 1, at(1)), (1, "b", 2, at(2)), (2, "c", 3, at(1))))
    run(door.connection, appended, as_it_is, reads, code="1")
    merged = replace(appended, write=MERGE)

    (planned,) = plan(door.workspace, [merged])
    (refused,) = refused_by_rows(door.spark, planned).differences
    assert str(refused) == "set key: stored by nothing, declared by id"
    assert "1 rows are against it. They are keys that the table has more than once." in refused.way_out
    with pytest.raises(DeclarationDiffersError, match="set key"):
        run(door.connection, merged, as_it_is, reads, code="2")
    assert apply(door.connection, merged).refused == (refused,)
    assert version_of(door.workspace, merged.name) == 1

    # The way out that it names.
    run(door.connection, merged, as_it_is, reads, code="2", extent=Extent(full=True))
    assert [str(difference) for difference in apply(door.connection, merged).done] == [str(refused)]
    assert door.read(merged.name) == [(1, "b", 2), (2, "c", 3)]
    assert key_of(door, merged.name) == "id"
    assert run(door.connection, merged, as_it_is, reads, code="2").unchanged


def test_a_key_is_checked_again_after_it_was_given_up(door: Door, at: Any):
    merged = door.table(MERGE)
    door.write(merged, door.rows((1, "a", 1, at(1))))
    appended = replace(merged, write=Append())
    assert key_of(door, merged.name) == "id"

    apply(door.connection, appended)
    assert key_of(door, merged.name) == ""
    door.write(appended, door.rows((1, "b", 2, at(2))))

    (refused,) = apply(door.connection, merged).refused
    assert refused.kind == "set key"


def test_another_key_of_a_merge_is_checked_and_a_renamed_one_is_not(door: Door, at: Any):
    merged = door.table(MERGE)
    door.write(merged, door.rows((1, "a", 1, at(1)), (2, "a", 2, at(1))))

    (refused,) = apply(door.connection, replace(merged, write=Merge(on=("name",)))).refused
    assert refused.kind == "set key"
    done = apply(door.connection, replace(merged, write=Merge(on=("value",)))).done
    assert "set key" in [difference.kind for difference in done]

    columns = tuple(
        replace(column, name="number", renamed_from="value") if column.name == "value" else column
        for column in merged.columns
    )
    renamed = replace(merged, columns=columns, write=Merge(on=("number",)))
    kinds = [difference.kind for difference in apply(door.connection, renamed).done]
    assert "set key" in kinds
    assert key_of(door, merged.name) == "number"


def test_the_key_of_a_history_is_its_sequence_too(door: Door, at: Any):
    table = door.table(Scd2(on=("id",), sequence=("sent_at",)))
    door.write(table, door.rows((1, "a", 1, at(1)), (1, "b", 2, at(2))))

    assert key_of(door, table.name) == "id, sent_at"
    assert plan(door.workspace, [table]) == []


@pytest.mark.parametrize("by_reference", [True, False], ids=["by_reference", "by_the_engine"])
def test_a_key_that_another_tool_wrote_twice_stops_the_publish_and_loses_nothing(
    door: Door, at: Any, by_reference: bool
):
    table = door.table(Merge(on=("id",)))
    door.write(table, door.rows((1, "a", 1, at(1)), (2, "b", 2, at(1))))
    door.spark.sql(f"INSERT INTO {table.name} SELECT * FROM {table.name} WHERE id = 1")
    if not by_reference:
        door.spark.sql(f"ALTER TABLE {table.name} SET TBLPROPERTIES ('delta.enableDeletionVectors' = 'false')")
        door.spark.sql(f"ALTER TABLE {table.name} UNSET TBLPROPERTIES ('{KEY}')")
    version = version_of(door.workspace, table.name)

    with pytest.raises(InvalidKeyError, match="got 1 keys of the batch that it has more than once"):
        door.write(table, door.rows((1, "new", 9, at(2)), (3, "c", 3, at(2))))
    assert version_of(door.workspace, table.name) == version

    door.spark.sql(f"DELETE FROM {table.name} WHERE id = 1")
    door.spark.sql(f"INSERT INTO {table.name} VALUES (1, 'a', 1, NULL)")
    door.write(table, door.rows((4, "d", 4, at(3))))
    assert door.read(table.name) == [(1, "new", 9), (2, "b", 2), (3, "c", 3), (4, "d", 4)]
