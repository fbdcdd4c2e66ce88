"""Statistics are a promise: each bound holds for every row, and skipping by them loses no row."""

import json
from datetime import UTC, date, datetime

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import given
from hypothesis import strategies as st

from lakehouse.delta.file_statistics import read_adopted
from lakehouse.storage import list_files
from tests.library.examples import thorough

MOMENTS = st.datetimes(min_value=datetime(1900, 1, 1), max_value=datetime(2200, 1, 1), timezones=st.just(UTC))
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "whole": st.none() | st.integers(-(2**63), 2**63 - 1),
            "text": st.none() | st.text(max_size=60),
            "day": st.none() | st.dates(date(1900, 1, 1), date(2200, 1, 1)),
            "moment": st.none() | MOMENTS,
            "number": st.none() | st.floats(),
        }
    ),
    max_size=30,
)
SCHEMA = pa.schema(
    [
        ("whole", pa.int64()),
        ("text", pa.string()),
        ("day", pa.date32()),
        ("moment", pa.timestamp("us", "UTC")),
        ("number", pa.float64()),
    ]
)


@thorough(60, 400)
@given(rows=ROWS, group=st.integers(1, 10))
def test_bounds_hold_for_every_row_and_nulls_are_counted(tmp_path_factory, rows, group):
    folder = tmp_path_factory.mktemp("files")
    pq.write_table(pa.Table.from_pylist(rows, schema=SCHEMA), folder / "a.parquet", row_group_size=group)

    read = read_adopted(str(folder), list_files(str(folder))[0], set(SCHEMA.names))

    stats = json.loads(read.statistics)
    assert read.rows == stats["numRecords"] == len(rows)
    for name in SCHEMA.names:
        values = [row[name] for row in rows if row[name] is not None]
        assert stats["nullCount"].get(name, 0 if not rows else None) == len(rows) - len(values)
        for bound, holds in (("minValues", lambda v, b: v >= b), ("maxValues", lambda v, b: v <= b)):
            if name in stats[bound]:
                limit = _like(values[0], stats[bound][name])
                assert all(holds(value, limit) for value in values)
    assert "number" not in stats["minValues"]


def _like(value, bound):
    """A bound as a value of the column: not each reader allows for times that were cut."""
    return type(value).fromisoformat(bound) if isinstance(value, date) else bound
