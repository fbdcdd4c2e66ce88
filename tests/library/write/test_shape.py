"""The shape check: it takes what `plan` takes, however a type is written, and no field whose name has another case."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from deltalake import DeltaTable

from lakehouse.declare.column import Column
from lakehouse.declare.table import Table
from lakehouse.declare.types import types_of
from lakehouse.declare.write_modes import Append, Merge, WriteMode
from lakehouse.errors import SchemaMismatchError
from lakehouse.schema.apply import apply, plan
from lakehouse.write.shape import problems
from tests.library.by_delta_rs import asked
from tests.library.door import Door

ID = Column("id", "bigint", "Key")


def _in_delta_rs(door: Door, name: str) -> list[dict[str, Any]]:
    return asked(DeltaTable(door.workspace.table_path(name)), "SELECT * FROM t ORDER BY id").to_pylist()


@pytest.mark.parametrize(
    ("declared", "brought"),
    [
        ("array<struct<x:int>>", "array<struct<X:int>>"),
        ("array<array<struct<x:int>>>", "array<array<struct<X:int>>>"),
        ("map<string,struct<x:int>>", "map<string,struct<X:int>>"),
        ("struct<a:struct<x:int>>", "struct<a:struct<X:int>>"),
        ("struct<a:array<map<int,struct<x:int,y:int>>>>", "struct<a:array<map<int,struct<x:int,Y:int>>>>"),
        ("struct<x:int,y:int>", "struct<y:int,x:int>"),
    ],
)
def test_a_field_of_another_case_or_place_is_another_type_at_each_depth(spark: Any, declared: str, brought: str):
    table = Table("silver.things", columns=(Column("c", declared, "One"),), grain="one row")
    other, same = (spark.sql(f"SELECT CAST(NULL AS {type_}) AS c").schema for type_ in (brought, declared))

    assert [str(problem) for problem in problems(table, types_of(other.jsonValue()))] == [
        f"c  expected {declared}, got {brought}"
    ]
    assert problems(table, types_of(same.jsonValue())) == []


@pytest.mark.parametrize(("mode", "clustered"), [(Append(), ()), (Merge(on=("id",)), ()), (Merge(on=("id",)), ("id",))])
def test_fields_of_another_case_are_not_published_in_any_way_of_writing(
    door: Door, mode: WriteMode, clustered: tuple[str, ...]
):
    columns = (ID, Column("parts", "array<struct<x: int>>", "Parts"))
    table = replace(door.table(mode, columns), clustered_by=clustered)
    rows = "SELECT 1L AS id, array(named_struct('{0}', 7)) AS parts"
    door.write(table, door.spark.sql(rows.format("x")))

    with pytest.raises(SchemaMismatchError, match=r"expected array<struct<x:int>>, got array<struct<X:int>>") as error:
        door.write(table, door.spark.sql(rows.format("X")))

    assert error.value.version == DeltaTable(door.workspace.table_path(table.name)).version()
    assert _in_delta_rs(door, table.name) == [{"id": 1, "parts": [{"x": 7}]}]


@pytest.mark.parametrize(
    ("select", "problem"),
    [
        ("SELECT 1L AS id, 'a' AS name, 'b' AS name", "name  expected one column, got 2 of this name"),
        ("SELECT 1L AS id, 'a' AS name, 'b' AS NAME", "NAME  expected no such column, got string"),
    ],
)
def test_a_column_that_is_given_twice_is_not_published(door: Door, select: str, problem: str):
    table = door.table(columns=(ID, Column("name", "string", "A name")))

    with pytest.raises(SchemaMismatchError) as error:
        door.write(table, door.spark.sql(select))

    assert [str(problem) for problem in error.value.problems] == [problem]
    assert str(error.value).startswith(f"{table.name} was not written, it ")


def test_what_plan_takes_is_written_however_its_types_are_spelled(door: Door):
    columns = (
        ID,
        Column("part", "struct<a: int>", "A part"),
        Column("price", "numeric(10,2)", "In euros"),
        Column("parts", "ARRAY < STRUCT < A : Integer, `b-c`: DEC > >", "Parts"),
    )
    table = door.table(columns=columns)
    apply(door.connection, table)
    frame = door.spark.sql(
        "SELECT 1L AS id, named_struct('a', 2) AS part, CAST(3.5 AS decimal(10,2)) AS price, "
        "array(named_struct('A', 4, 'b-c', CAST(5 AS decimal(10,0)))) AS parts"
    )

    published = door.write(table, frame).published

    assert (published, plan(door.workspace, [table])) == (1, [])
    parts = [{"A": 4, "b-c": Decimal(5)}]
    assert _in_delta_rs(door, table.name) == [
        {"id": 1, "part": {"a": 2}, "price": Decimal("3.50"), "parts": parts},
    ]
