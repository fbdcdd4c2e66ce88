"""Types as people write them, through the door: accepted, stored, and `plan` says that nothing differs."""

from typing import Any

from lakehouse.declare.column import Column
from lakehouse.declare.table import quarantine_of
from lakehouse.schema.apply import plan
from tests.library.door import Door

TYPES = {
    "a": ("STRUCT<Aa: INT NOT NULL COMMENT 'it''s', `b c`: string>", "named_struct('Aa', 1, 'b c', 'x')"),
    "b": ("array< long >", "array(1L)"),
    "c": ("DECIMAL", "cast(1 as decimal(10,0))"),
    "d": ("numeric( 10 , 2 )", "cast(1 as decimal(10,2))"),
    "e": ("map<string,struct<N:real>>", "map('k', named_struct('N', cast(1 as float)))"),
    "f": ("Timestamp_LTZ", "timestamp'2026-01-01'"),
}
LENGTHS = (
    Column("id", "bigint", "Key"),
    Column("code", "VARCHAR(3)", "Short text"),
    Column("mark", "character(2)", "Two letters"),
    Column("words", "array<struct<Word: varchar(4)>>", "Short words"),
)


def test_types_in_any_spelling_go_through_the_door(door: Door):
    columns = tuple(Column(name, type_, "It") for name, (type_, _) in TYPES.items())
    table = door.table(columns=columns)
    values = ", ".join(f"{value} AS {name}" for name, (_, value) in TYPES.items())

    published = door.write(table, door.spark.sql(f"SELECT {values}"))

    assert published.published == 1
    assert plan(door.workspace, [table]) == []


def test_texts_that_are_too_long_wait_in_quarantine(door: Door):
    table = door.table(columns=LENGTHS)
    rows: list[tuple[Any, ...]] = [
        (1, "abc", "ab", [("word",)]),
        (2, "abcd", "ab", [("word",)]),
        (3, "abc", "abc", None),
        (4, "abc", "ab", [("w",), ("words",)]),
        (5, None, None, [(None,)]),
    ]

    door.write(table, door.rows(*rows, table=table))

    assert [row[0] for row in door.read(table.name, "id")] == [1, 5]
    assert [row[0] for row in door.read(quarantine_of(table.name), "id")] == [2, 3, 4]
    assert plan(door.workspace, [table]) == []
    # What a table with lengths holds goes into another one of the same types.
    copy = door.table(columns=LENGTHS)
    door.write(copy, door.spark.table(table.name))
    assert [row[0] for row in door.read(copy.name, "id")] == [1, 5]
