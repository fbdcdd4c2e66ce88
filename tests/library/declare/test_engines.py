"""What a declaration takes, each engine reads; what it refuses, the engines that are named cannot read."""

import uuid
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

import pytest
from deltalake import DeltaTable

from lakehouse.declare.column import Column
from lakehouse.declare.refused_types import ENGINES, REFUSED_TYPES
from lakehouse.declare.types import WORDS
from lakehouse.errors import DeclarationError
from lakehouse.sql.ask_trino import ask
from tests.library.by_delta_rs import asked
from tests.library.door import Door

# A type as it is written, and a value of it in Spark's SQL.
VALUES = {
    "boolean": "true",
    "tinyint": "-128Y",
    "smallint": "-32768S",
    "int": "-2147483648",
    "bigint": "9223372036854775807L",
    "float": "float('1.5')",
    "double": "double('NaN')",
    "decimal(10,0)": "CAST(-9999999999 AS decimal(10,0))",
    "decimal(38,18)": "CAST('-12345678901234567890.123456789012345678' AS decimal(38,18))",
    "string": "'é🙂'",
    "binary": "X'00ff'",
    "date": "date'0001-01-01'",
    "timestamp": "timestamp'2024-03-31T02:30:00.123456Z'",
    "timestamp_ntz": "timestamp_ntz'0024-03-31T02:30:00.123456'",
}
REFUSED = {
    "variant": """parse_json('{"a":1}')""",
    "void": "NULL",
    "interval day to second": "interval '1' day",
    "interval year to month": "interval '1' month",
    "time(6)": "time'01:02:03'",
    "geometry(4326)": "NULL",
    "geography(4326)": "NULL",
    "char(3)": "'abc'",
    "varchar(5)": "'abc'",
}
# Where a type may stand, and a value that holds it there; a key cannot be null.
PLACES = {
    "column": ("{type}", "{value}"),
    "element": ("array<{type}>", "array({value}, CAST(NULL AS {type}))"),
    "value": ("map<string,{type}>", "map('k', {value}, 'none', CAST(NULL AS {type}))"),
    "key": ("map<{type},int>", "map({value}, 1)"),
    "field": ("struct<A:{type},b:{type}>", "named_struct('A', {value}, 'b', CAST(NULL AS {type}))"),
    "deep": (
        "array<struct<b:map<string,array<{type}>>>>",
        "array(named_struct('b', map('k', array({value}))), NULL)",
    ),
}


def alike(value: Any) -> Any:
    """A value as each engine gives it: no zone, milliseconds (Trino has no more of a `timestamp`), plain containers."""
    if isinstance(value, datetime):
        return str(value.replace(tzinfo=None, microsecond=value.microsecond // 1000 * 1000))
    if isinstance(value, dict):
        # delta-rs gives a struct as a dict and a map as pairs, Spark and Trino a struct as a tuple and a map as a dict.
        is_struct = set(value) <= {"A", "b"}
        return [alike(item) for item in (value.values() if is_struct else value.items())]
    if isinstance(value, list | tuple):
        return [alike(item) for item in value]
    return bytes(value) if isinstance(value, bytearray) else repr(value)


def by_spark(door: Door, name: str) -> Iterable[Any]:
    return [tuple(row) for row in door.spark.table(name).collect()]


def by_trino(door: Door, name: str) -> Iterable[Any]:
    return ask(door.workspace, f"SELECT * FROM {name}").rows


def by_delta_rs(door: Door, name: str) -> Iterable[Any]:
    rows = asked(DeltaTable(door.workspace.table_path(name)), "SELECT * FROM t")
    return [tuple(row.values()) for row in rows.to_pylist()]


READERS: dict[str, Callable[[Door, str], Iterable[Any]]] = dict(
    zip(ENGINES, (by_spark, by_trino, by_delta_rs), strict=True)
)


def made(door: Door, types: dict[str, tuple[str, str]]) -> str:
    """A table with a column for each type and value, its row and a row of nulls."""
    name = f"silver.e_{uuid.uuid4().hex[:10]}"
    columns = ", ".join(f"c{place} {type_}" for place, (type_, _) in enumerate(types.values()))
    values = ", ".join(f"{value} AS c{place}" for place, (_, value) in enumerate(types.values()))
    door.spark.sql(f"CREATE DATABASE IF NOT EXISTS silver LOCATION '{door.workspace.warehouse}/silver'")
    nulls = ", ".join(["NULL"] * len(types))
    door.spark.sql(f"CREATE TABLE {name} (id int, {columns}) USING DELTA")
    door.spark.sql(f"INSERT INTO {name} SELECT 1 AS id, {values} UNION ALL SELECT 2, {nulls}")
    return name


def placed(type_: str, value: str) -> dict[str, tuple[str, str]]:
    return {
        place: (ddl.format(type=type_), text.format(type=type_, value=value)) for place, (ddl, text) in PLACES.items()
    }


def test_each_type_that_may_be_declared_is_asked_of_the_engines():
    parts = {type_.partition("(")[0] for type_ in VALUES}
    refused = {type_.partition("(")[0].partition(" ")[0] for type_ in REFUSED}

    assert parts == {word.partition("(")[0] for word in WORDS.values()}
    assert refused == set(REFUSED_TYPES)


@pytest.mark.parametrize("place", PLACES)
def test_no_type_that_may_be_declared_is_unread_by_an_engine_at_any_place(door: Door, sql_layer, place: str):
    types = {type_: placed(type_, value)[place] for type_, value in VALUES.items()}
    for type_, _ in types.values():
        Column("c", type_, "One")

    name = made(door, types)

    rows = {engine: sorted(map(repr, map(alike, reader(door, name)))) for engine, reader in READERS.items()}
    assert len(rows["Spark"]) == 2
    assert rows == dict.fromkeys(ENGINES, rows["Spark"])


@pytest.mark.parametrize("type_", REFUSED)
def test_no_type_that_an_engine_cannot_read_may_be_declared(door: Door, sql_layer, type_: str):
    refused = REFUSED_TYPES[type_.partition("(")[0].partition(" ")[0]]
    for ddl, _ in placed(type_, "").values():
        with pytest.raises(DeclarationError) as error:
            Column("c", ddl, "One")
        assert refused.instead in str(error.value)

    unread = []
    try:
        name = made(door, {"column": (type_, REFUSED[type_])})
    except Exception:
        unread = list(ENGINES)
    else:
        for engine, reader in READERS.items():
            try:
                assert len(list(reader(door, name))) == 2
            except Exception:
                unread.append(engine)

    assert tuple(unread) == refused.unread_by


def test_no_map_may_be_declared_whose_key_the_client_of_trino_cannot_hold(door: Door, sql_layer):
    ddl = "map<struct<a:int>,int>"
    name = made(door, {"column": (ddl, "map(named_struct('a', 1), 1)")})

    with pytest.raises(Exception, match="Python has no value"):
        by_trino(door, name)
    with pytest.raises(DeclarationError, match="give it a plain key"):
        Column("c", ddl, "One")
