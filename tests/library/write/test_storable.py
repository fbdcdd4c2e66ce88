"""What no table can hold goes to quarantine with what it was, whatever the rules say, and finds its way back."""

import base64
import uuid
from dataclasses import replace
from typing import Any

import pytest
from deltalake import DeltaTable
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pyspark.sql import functions as F

from lakehouse.answers.row_accounts import accounts
from lakehouse.declare.column import Column
from lakehouse.declare.table import Table, quarantine_of
from lakehouse.declare.write_modes import Append, Merge, ReplacePartitions
from lakehouse.errors import LakehouseError
from lakehouse.runs.plan import Extent
from lakehouse.runs.replay import fix, replay
from lakehouse.runs.run import run
from lakehouse.write import quarantine
from tests.library.door import Door, only

# How Spark comes to a value of each kind, and the text of it that is kept; None for one that can be stored.
VALUES: dict[str, list[tuple[str, str | None]]] = {
    "string": [
        ("'Zürich'", None),
        ("NULL", None),
        ("CAST(X'5AFC72696368' AS string)", "WvxyaWNo"),
        ("CAST(X'FFFE41004200' AS string)", "//5BAEIA"),
        ("CAST(X'E282' AS string)", "4oI="),
    ],
    "date": [
        ("DATE'0001-01-01'", None),
        ("DATE'9999-12-31'", None),
        ("CAST('20224-03-01' AS date)", "+20224-03-01"),
        ("DATE'0000-12-31'", "0000-12-31"),
    ],
    "timestamp": [
        ("TIMESTAMP'9999-12-31T23:59:59.999999Z'", None),
        ("TIMESTAMP'9999-12-31T23:30:00-02:00'", "+10000-01-01 01:30:00"),
        ("TIMESTAMP'0000-01-01T00:00:00Z'", "0000-01-01 00:00:00"),
    ],
    "timestamp_ntz": [
        ("TIMESTAMP_NTZ'0001-01-01T00:00:00'", None),
        ("TIMESTAMP_NTZ'10000-01-01T00:00:00'", "+10000-01-01 00:00:00"),
    ],
    "array<string>": [("array('a', NULL)", None), ("array('a', CAST(X'FF' AS string))", "")],
    "map<string,date>": [("map('a', DATE'2026-01-01')", None), ("map('a', CAST('20224-03-01' AS date))", "")],
    "struct<a:string,b:array<struct<c:string>>>": [
        ("named_struct('a', 'x', 'b', array(named_struct('c', NULL), NULL))", None),
        ("named_struct('a', 'x', 'b', array(named_struct('c', CAST(X'FF' AS string))))", ""),
    ],
}
ROWS = st.lists(st.tuples(*(st.sampled_from(values) for values in VALUES.values())), min_size=1, max_size=6)


def wide(mode: Any = None) -> Table:
    columns = (
        Column("id", "bigint", "Key", nullable=False),
        *(Column(f"c{place}", type_, "A value") for place, type_ in enumerate(VALUES)),
    )
    properties = (("delta.feature.timestampNtz", "supported"),)
    name = f"silver.t_{uuid.uuid4().hex[:10]}"
    return Table(name, columns=columns, grain="one row", write=mode or Append(), properties=properties)


@settings(
    max_examples=6,
    deadline=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)
@given(rows=ROWS)
@pytest.mark.slow
def test_no_value_that_an_engine_cannot_read_is_published(door: Door, rows: list[tuple[tuple[str, str | None], ...]]):
    table = wide()
    selects = [
        f"SELECT CAST({place} AS bigint) AS id, "
        + ", ".join(
            f"CAST({sql} AS {type_}) AS c{n}" for n, ((sql, _), type_) in enumerate(zip(row, VALUES, strict=True))
        )
        for place, row in enumerate(rows)
    ]
    odd = {place for place, row in enumerate(rows) if any(text is not None for _, text in row)}

    done = door.write(table, door.spark.sql(" UNION ALL ".join(selects)))

    assert (done.published, done.quarantined) == (len(rows) - len(odd), len(odd))
    path = door.workspace.table_path
    stored = DeltaTable(path(table.name)).to_pyarrow_table()
    stored.validate(full=True)
    assert sorted(stored["id"].to_pylist()) == sorted(set(range(len(rows))) - odd)
    if not odd:
        return
    waiting = DeltaTable(path(quarantine_of(table.name))).to_pyarrow_table()
    waiting.validate(full=True)
    for row in waiting.to_pylist():
        assert "table: storable (declared)" in row["_broken_rules"]
        kept, expected = dict(row["_unstorable"]), rows[row["id"]]
        assert set(kept) == {f"c{n}" for n, (_, text) in enumerate(expected) if text is not None}
        assert all(kept[f"c{n}"] == text for n, (_, text) in enumerate(expected) if text)
        assert all(row[name] is None for name in kept)


def test_such_a_row_comes_back_only_with_a_value_in_its_place(door: Door):
    table = door.table()
    frame = door.rows((1, "a", 1, None), (2, "b", 2, None)).withColumn(
        "name", F.expr("IF(id = 2, CAST(X'5AFC72696368' AS string), name)")
    )
    assert (door.write(table, frame).quarantined) == 1
    (row,) = door.spark.table(quarantine_of(table.name)).collect()
    assert (row["name"], row["_unstorable"]) == (None, {"name": "WvxyaWNo"})
    assert base64.b64decode(row["_unstorable"]["name"]).decode("latin-1") == "Zürich"

    assert replay(door.connection, table).published == 0
    fix(door.connection, table, {"value": "3"})
    assert replay(door.connection, table).published == 0
    with pytest.raises(LakehouseError, match="gives a value that no table can hold: text"):
        fix(door.connection, table, {"name": "CAST(X'FF' AS string)"})
    fix(door.connection, table, {"name": "decode(unbase64(_unstorable['name']), 'ISO-8859-1')"})
    assert replay(door.connection, table).published == 1

    assert door.read(table.name) == [(1, "a", 1), (2, "Zürich", 3)]
    assert quarantine.counts(door.workspace, table.name) == only(replayed=1)


def test_a_partition_that_no_log_can_name_does_not_stop_the_others(door: Door):
    table = replace(door.table(), write=ReplacePartitions(), partitioned_by=("name",))
    frame = door.rows((1, "a", 1, None), (2, "b", 2, None), (3, "c", 3, None)).withColumn(
        "name", F.expr("IF(id = 2, CAST(X'5AFC72696368' AS string), name)")
    )

    done = run(door.connection, table, lambda: frame, {}, code="x", extent=Extent(partitions=("a", "c")))

    assert (done.published, done.quarantined) == (2, 1)
    (waiting,) = DeltaTable(door.workspace.table_path(quarantine_of(table.name))).to_pyarrow_table().to_pylist()
    assert (waiting["name"], dict(waiting["_unstorable"])) == (None, {"name": "WvxyaWNo"})
    assert accounts(door.workspace, table.name).add_up


def test_a_key_with_a_nul_in_it_is_no_key(door: Door):
    table = Table(
        door.table().name,
        columns=(Column("id", "string", "Key", nullable=False), Column("note", "string", "Text")),
        grain="x",
        write=Merge(on=("id",)),
    )

    done = door.write(table, door.spark.sql("SELECT 'a' AS id, 'b' || char(0) AS note UNION ALL SELECT char(0), 'c'"))

    assert (done.published, done.quarantined) == (1, 1)
    (row,) = door.spark.table(quarantine_of(table.name)).collect()
    assert row["_broken_rules"] == ["id: no_nul (declared)"]


def test_nobody_is_told_of_a_rule_that_every_table_has_and_no_row_breaks(door: Door):
    table = door.table()

    assert door.write(table, door.rows((1, "a", 1, None))).checks[0].name == "id_not_null_declared"
