"""What a row was before a fix is kept bit by bit, whatever its types, and can be put back."""

import math
import struct
import uuid
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from deltalake import DeltaTable
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pyspark.sql import functions as F

from lakehouse.declare.column import Column
from lakehouse.declare.sql_text import quote
from lakehouse.declare.table import Table, quarantine_of
from lakehouse.declare.write_modes import Append
from lakehouse.errors import LakehouseError
from lakehouse.runs.replay import fix, unfix
from tests.library.door import Door

TEXTS = st.text(st.characters(exclude_categories=("Cs",)), max_size=6)
MOMENTS = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30))
IN_UTC = MOMENTS.map(lambda moment: moment.replace(tzinfo=UTC))
FLOATS = st.floats(width=32)


def whole(bits: int) -> st.SearchStrategy[int]:
    return st.integers(-(1 << bits - 1), (1 << bits - 1) - 1)


def optional(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | values


def decimals(digits: int, scale: int) -> st.SearchStrategy[Decimal]:
    return st.integers(1 - 10**digits, 10**digits - 1).map(lambda value: Decimal(value).scaleb(-scale))


TYPES: dict[str, st.SearchStrategy[Any]] = {
    "boolean": st.booleans(),
    "tinyint": whole(8),
    "smallint": whole(16),
    "int": whole(32),
    "bigint": whole(64),
    "float": FLOATS,
    "double": st.floats(),
    "decimal(38,18)": decimals(28, 18),
    "decimal(5,0)": decimals(5, 0),
    "string": TEXTS,
    "binary": st.binary(max_size=6),
    "date": st.dates(date(1, 1, 1), date(9999, 12, 31)),
    "timestamp": IN_UTC,
    "timestamp_ntz": MOMENTS,
    "array<timestamp>": st.lists(optional(IN_UTC), max_size=2),
    "map<binary,double>": st.dictionaries(st.binary(max_size=3), optional(st.floats()), max_size=2),
    "map<timestamp_ntz,array<map<string,decimal(20,10)>>>": st.dictionaries(
        MOMENTS, optional(st.lists(st.dictionaries(TEXTS, decimals(15, 10), max_size=2), max_size=2)), max_size=2
    ),
    "struct<a:float,`b.c`:map<bigint,struct<d:timestamp>>>": st.tuples(
        optional(FLOATS),
        optional(st.dictionaries(whole(64), optional(st.tuples(optional(IN_UTC))), max_size=2)),
    ),
}
ROWS = st.lists(st.tuples(*map(optional, TYPES.values())), min_size=1, max_size=5)
NAMES = [f"c{place}" for place in range(len(TYPES))]


def wide() -> Table:
    columns = (
        Column("id", "bigint", "Key", nullable=False),
        *(Column(name, type_, "A value") for name, type_ in zip(NAMES, TYPES, strict=True)),
    )
    properties = (("delta.feature.timestampNtz", "supported"),)
    # Every row is rejected.
    never = (("never", "id < 0"),)
    name = f"silver.t_{uuid.uuid4().hex[:10]}"
    return Table(name, columns, "one row", Append(), constraints=never, properties=properties, max_rejected=1.0)


def bits(value: Any) -> Any:
    """A value in which no two that differ are equal: 0.0 and -0.0, 1 and True."""
    if isinstance(value, float):
        return ("nan",) if math.isnan(value) else ("float", struct.pack(">d", value))
    if isinstance(value, dict):
        return sorted((repr(bits(key)), repr(bits(of))) for key, of in value.items())
    if isinstance(value, list | tuple):
        return [bits(part) for part in value]
    return (type(value).__name__, value)


def waiting(door: Door, table: Table) -> dict[int, Any]:
    rows = DeltaTable(door.workspace.table_path(quarantine_of(table.name))).to_pyarrow_table().to_pylist()
    return {row["id"]: [bits(row[name]) for name in (*NAMES, "_unstorable", "_fixes")] for row in rows}


@settings(
    max_examples=8, deadline=None, phases=(Phase.explicit, Phase.generate), suppress_health_check=list(HealthCheck)
)
@given(rows=ROWS)
@pytest.mark.slow
def test_a_fix_that_is_taken_back_leaves_every_value_as_it_was(door: Door, rows: list[tuple[Any, ...]]):
    table = wide()
    frame = door.spark.createDataFrame([(place, *row) for place, row in enumerate(rows)], table.schema)
    assert door.write(table, frame).quarantined == len(rows)
    before = waiting(door, table)

    for _ in range(2):
        assert fix(door.connection, table, dict.fromkeys(NAMES, "NULL")) == len(rows)
    assert unfix(door.connection, table, where="id = 0") == 1
    assert unfix(door.connection, table) == len(rows)
    assert unfix(door.connection, table, where="id > 0") == len(rows) - 1

    assert waiting(door, table) == before
    assert unfix(door.connection, table) == 0


def test_what_no_table_can_hold_is_back_as_well(door: Door):
    table = door.table()
    frame = door.rows((1, "b", 2, None)).withColumn("name", F.expr("CAST(X'5AFC72696368' AS string)"))
    door.write(table, frame)
    fix(door.connection, table, {"name": "'Zürich'"})

    assert unfix(door.connection, table) == 1

    (row,) = door.spark.table(quarantine_of(table.name)).collect()
    assert (row["name"], row["_unstorable"], row["_fixes"]) == (None, {"name": "WvxyaWNo"}, [])


def test_a_column_that_the_table_got_since_keeps_its_value(door: Door):
    table = wide()
    nothing = ", ".join(f"CAST(NULL AS {type_}) AS {name}" for name, type_ in zip(NAMES, TYPES, strict=True))
    door.write(table, door.spark.sql(f"SELECT 1L AS id, {nothing}"))
    fix(door.connection, table, {"c9": "'before'"})
    fix(door.connection, table, {"c9": "'after'"})
    quarantine = quote(quarantine_of(table.name))
    # As of a table that had no such column when it was fixed.
    cut = "regexp_replace(fix.original, '\"c9\":(null|\"before\"),', '')"
    door.spark.sql(
        f"UPDATE {quarantine} SET _fixes = transform(_fixes, fix -> named_struct('original', {cut}, 'by', fix.by, "
        f"'at', fix.at, 'why', fix.why))"
    )

    assert unfix(door.connection, table) == 1

    (row,) = door.spark.table(quarantine_of(table.name)).select("c9").collect()
    assert row["c9"] == "after"


def test_a_fix_that_did_not_keep_all_is_not_taken_back(door: Door):
    table = door.table()
    door.write(table, door.rows((None, "b", 2, None)))
    fix(door.connection, table, {"value": "3"})
    old = '{"id":null,"name":"b","value":2,"sent_at":null}'
    entry = f"named_struct('original', '{old}', 'by', 'x', 'at', current_timestamp(), 'why', '')"
    door.spark.sql(f"UPDATE {quote(quarantine_of(table.name))} SET _fixes = array({entry})")

    with pytest.raises(LakehouseError, match="a fix of an older release"):
        unfix(door.connection, table)

    (row,) = door.spark.table(quarantine_of(table.name)).select("value").collect()
    assert row["value"] == 3
