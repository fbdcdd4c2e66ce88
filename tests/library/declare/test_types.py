"""Types: each has one spelling, however it is written, and Spark reads that spelling as the same type."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyspark.sql.types import StructType

from lakehouse.declare.column import Column
from lakehouse.declare.table import Table
from lakehouse.declare.types import WORDS, canonical, from_json, types_of
from lakehouse.errors import DeclarationError
from lakehouse.schema.differences import differences
from lakehouse.schema.stored import Stored, StoredColumn
from lakehouse.write.shape import problems

# Name of a field without its quotes, as DDL writes it.
_PLAIN = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True).filter(lambda name: name.lower() not in _RESERVED)
_RESERVED = {"not", "null", "comment", "collate"}
_ODD = st.text(st.sampled_from("ab1.-'\"`\\/<>:é$@"), min_size=1, max_size=6)
_SPACE = st.sampled_from(["", " ", "\t", "\n  "])
"""A type as JSON (of Spark and of Delta's log) and one way to write it."""
Written = tuple[Any, str]


def _cased(word: str) -> st.SearchStrategy[str]:
    return st.sampled_from([word, word.upper(), word.capitalize()])


def _json_of(word: str) -> str:
    long = {"tinyint": "byte", "smallint": "short", "int": "integer", "bigint": "long"}
    return long.get(word, word)


@st.composite
def _plain(draw: st.DrawFn) -> Written:
    alias, word = draw(st.sampled_from(sorted(WORDS.items())))
    space = draw(_SPACE)
    return _json_of(word), f"{space}{draw(_cased(alias))}{draw(_SPACE)}"


@st.composite
def _decimal(draw: st.DrawFn) -> Written:
    precision = draw(st.integers(1, 38))
    scale = draw(st.integers(0, precision))
    word, space = draw(_cased(draw(st.sampled_from(["decimal", "dec", "numeric"])))), draw(_SPACE)
    inside = f"{precision}" if scale == 0 and draw(st.booleans()) else f"{precision}{space},{space}{scale}"
    return f"decimal({precision},{scale})", f"{word}{space}({space}{inside})"


@st.composite
def _field(draw: st.DrawFn, name: str, type_: Written) -> tuple[dict[str, Any], str]:
    is_plain = name.isascii() and name.isidentifier()
    quoted = name if is_plain and draw(st.booleans()) else "`" + name.replace("`", "``") + "`"
    colon = draw(st.sampled_from([":", " : ", " "]))
    return {"name": name, "type": type_[0], "nullable": True, "metadata": {}}, f"{quoted}{colon}{type_[1]}"


@st.composite
def _struct(draw: st.DrawFn, inner: st.SearchStrategy[Written]) -> Written:
    names = draw(st.lists(_PLAIN | _ODD, min_size=1, max_size=3, unique_by=str.lower))
    fields = [draw(_field(name, draw(inner))) for name in names]
    space = draw(_SPACE)
    text = f"{draw(_cased('struct'))}{space}<{space}{f'{space},{space}'.join(text for _, text in fields)}{space}>"
    return {"type": "struct", "fields": [field for field, _ in fields]}, text


@st.composite
def _array(draw: st.DrawFn, inner: st.SearchStrategy[Written]) -> Written:
    json, text = draw(inner)
    return {"type": "array", "elementType": json, "containsNull": True}, f"{draw(_cased('array'))}<{text}>"


@st.composite
def _map(draw: st.DrawFn, inner: st.SearchStrategy[Written]) -> Written:
    (key, key_text), (value, value_text), space = draw(_plain() | _decimal()), draw(inner), draw(_SPACE)
    text = f"{draw(_cased('map'))}{space}<{key_text},{space}{value_text}>"
    return {"type": "map", "keyType": key, "valueType": value, "valueContainsNull": True}, text


TYPES: st.SearchStrategy[Written] = st.recursive(
    _plain() | _decimal(), lambda inner: _array(inner) | _map(inner) | _struct(inner), max_leaves=6
)


@given(TYPES)
@settings(max_examples=150, deadline=None)
def test_plan_and_door_say_the_same_of_a_type_however_it_is_written(written: Written):
    json, text = written
    column = Column("c", text, "One")
    table = Table("silver.things", columns=(column,), grain="one row")
    stored = Stored(1, (StoredColumn("c", from_json(json, {}), "One", nullable=True, physical="c"),), "one row")
    frame = StructType.fromJson({"fields": [{"name": "c", "type": json, "nullable": True, "metadata": {}}]})

    assert problems(table, types_of(frame.jsonValue())) == []
    assert [difference.kind for difference in differences(table, stored) if difference.name == "c"] == []
    assert canonical(column.type) == column.type


@given(TYPES, TYPES)
@settings(max_examples=100, deadline=None)
def test_another_type_is_another_for_plan_and_door(declared: Written, other: Written):
    table = Table("silver.things", columns=(Column("c", declared[1], "One"),), grain="one row")
    stored = Stored(1, (StoredColumn("c", from_json(other[0], {}), "One", nullable=True, physical="c"),), "one row")
    frame = StructType.fromJson({"fields": [{"name": "c", "type": other[0], "nullable": True, "metadata": {}}]})

    by_door = problems(table, types_of(frame.jsonValue()))
    by_plan = [difference for difference in differences(table, stored) if difference.name == "c"]

    assert bool(by_door) == bool(by_plan) == (declared[0] != other[0])


@pytest.mark.parametrize(
    ("ddl", "message"),
    [
        ("varchar(10)", "declare `string`; its length is a rule of the suite"),
        ("char(3)", "declare `string`; its length is a rule of the suite"),
        ("strng", "did you mean `string`?"),
        ("int not null", "say `nullable=False` in the column"),
        ("string collate UTF8_LCASE", "a collation is not kept"),
        ("struct<a:string collate UTF8_LCASE>", "a collation is not kept"),
        ("STRUCT<A:INT NOT NULL COMMENT 'x'>", "give the table a constraint instead, such as `column.A IS NOT NULL`"),
        ("struct<a:int comment 'it''s'>", "say it in the column's `comment`"),
        ("struct<a:int,A:int>", "two fields of one struct are called `a`"),
        ("struct<`a b`:int>", "Delta refuses the field `a b`"),
        ("struct<>", "a struct has at least one field"),
        ("map<int>", "an array has one type in it and a map two"),
        ("array<variant>", "Trino cannot read a variant: declare `string`"),
        ("struct<time:array<void>>", "declare the type that it will have"),
        ("map<string,time(6)>", "Delta holds no time of day"),
        ("map<struct<a:int>,int>", "give it a plain key, or declare an array of structs"),
        ("map<array<int>,int>", "give it a plain key, or declare an array of structs"),
        ("decimal(39,2)", "a decimal has 1 to 38 digits"),
        ("decimal(3,4)", "a decimal has 1 to 38 digits"),
        ("interval day to second", "Delta holds no intervals"),
        ("timestamp with time zone", "it cannot be read"),
        ("bigint unsigned", "it has a part that is no type"),
        ("int; drop table silver.things", "it "),
    ],
)
def test_a_type_that_a_table_cannot_hold_is_refused_where_it_is_declared(ddl: str, message: str):
    with pytest.raises(DeclarationError) as error:
        Column("c", ddl, "One")

    assert "column `c`: type `" in str(error.value)
    assert message in str(error.value)


def test_a_field_may_be_called_as_a_type_that_is_refused():
    ddl = "struct<time:int,interval:string,void:date,`variant`:array<struct<char:int>>>"

    assert canonical(ddl) == ddl.replace("`", "")


def test_spark_reads_each_spelling_as_the_declaration_does(spark: Any):
    """Spark is the judge, in one query: the type as it was written, and the one spelling that goes into our DDL."""
    examples: list[Written] = []

    @given(st.lists(TYPES, min_size=100, max_size=100))
    @settings(max_examples=1, deadline=None, database=None)
    def collect(types: list[Written]) -> None:
        examples[:] = types

    collect()
    written = [text for _, text in examples]
    casts = [f"CAST(NULL AS {text}) AS c" for text in (*written, *map(canonical, written))]
    schema = spark.sql(f"SELECT {', '.join(casts)}").schema.jsonValue()
    types = [from_json(field["type"], field["metadata"]) for field in schema["fields"]]

    assert types[: len(written)] == types[len(written) :] == [canonical(text) for text in written]
