"""What a commit by reference says of its files never hides a row: with statistics as without, in each engine."""

import json
import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import DeltaTable, QueryBuilder
from hypothesis import Phase, example, given
from hypothesis import strategies as st

from lakehouse.declare.column import Column
from lakehouse.declare.sql_text import literal
from lakehouse.delta.adopt import additions
from lakehouse.delta.file_statistics import read_adopted
from lakehouse.delta.log_entry import Change, commit
from lakehouse.delta.note import Note
from lakehouse.delta.stamp import Stamp
from lakehouse.sql.ask_trino import ask
from lakehouse.storage import list_files
from tests.library.door import Door
from tests.library.examples import thorough

TEXTS = st.text("aZ~ é日🙂", max_size=40) | st.builds(lambda c: c * 4100, st.sampled_from("aé🙂"))
MOMENTS = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30))
VALUES: dict[str, tuple[pa.DataType, str, st.SearchStrategy[Any]]] = {
    "whole": (pa.int64(), "bigint", st.integers(-(2**63), 2**63 - 1)),
    "text": (pa.string(), "string", TEXTS),
    "day": (pa.date32(), "date", st.dates(date(1, 1, 1), date(9999, 12, 31))),
    "moment": (pa.timestamp("us", "UTC"), "timestamp", MOMENTS.map(lambda moment: moment.replace(tzinfo=UTC))),
    "local": (pa.timestamp("us"), "timestamp_ntz", MOMENTS),
    "number": (pa.float64(), "double", st.floats() | st.sampled_from([0.0, -0.0, float("nan")])),
    "money": (pa.decimal128(20, 3), "decimal(20,3)", st.decimals(-(10**6), 10**6, places=3)),
    "flag": (pa.bool_(), "boolean", st.booleans()),
}
SCHEMA = pa.schema([(name, type_) for name, (type_, _, _) in VALUES.items()])
ROW = st.fixed_dictionaries({name: st.none() | values for name, (_, _, values) in VALUES.items()})
FILE = st.tuples(st.lists(ROW, min_size=1, max_size=12), st.integers(1, 5), st.booleans(), st.booleans())


class Twins:
    """The same files as two tables: one whose log says what their footers say, one whose log says nothing."""

    def __init__(self, door: Door, files: Sequence[tuple[list[dict[str, Any]], int, bool, bool]]) -> None:
        self.door = door
        name = f"skip_{uuid.uuid4().hex[:10]}"
        self.names = f"silver.{name}", f"silver.{name}_bare"
        door.spark.sql(f"CREATE DATABASE IF NOT EXISTS silver LOCATION '{door.workspace.warehouse}/silver'")
        ddl = ", ".join(f"{column} {type_}" for column, (_, type_, _) in VALUES.items())
        for name in self.names:
            door.spark.sql(f"CREATE TABLE {name} ({ddl}) USING DELTA")
            root = Path(door.workspace.table_path(name))
            for place, (rows, group, dictionary, int96) in enumerate(files):
                options = {"row_group_size": group, "use_dictionary": dictionary}
                # A time of 96 bits has no zone, and so cannot be a local one.
                schema = SCHEMA.remove(SCHEMA.get_field_index("local")) if int96 else SCHEMA
                table = pa.Table.from_pylist(rows, schema=schema)
                pq.write_table(
                    table, root / f"{place}.parquet", use_deprecated_int96_timestamps=int96 or None, **options
                )
            self.adopt(name, bare=name == self.names[1])

    def adopt(self, name: str, *, bare: bool) -> None:
        root = self.door.workspace.table_path(name)
        delta, files = DeltaTable(root), list_files(root, ".parquet")
        actions, _ = additions(delta, files, set(VALUES), ())
        if bare:
            actions = [
                {**action, "stats": json.dumps({"numRecords": json.loads(action["stats"])["numRecords"]})}
                for action in actions
            ]
        commit(delta, Stamp(None, 0, Note(name)), Change("WRITE", actions))

    def agree(self, ask_it: Callable[[str, Sequence[str]], list[int]], predicates: Sequence[str]) -> None:
        said, bare = (ask_it(name, predicates) for name in self.names)
        differ = [(text, a, b) for text, a, b in zip(predicates, said, bare, strict=True) if a != b]
        assert differ == []

    def by_spark(self, name: str, predicates: Sequence[str]) -> list[int]:
        return [row[1] for row in sorted(map(tuple, self.door.spark.sql(union(name, predicates)).collect()))]

    def by_trino(self, name: str, predicates: Sequence[str]) -> list[int]:
        return [row[1] for row in sorted(map(tuple, ask(self.door.workspace, union(name, predicates)).rows))]

    def by_delta_rs(self, name: str, predicates: Sequence[str]) -> list[int]:
        builder = QueryBuilder().register("t", DeltaTable(self.door.workspace.table_path(name)))
        return [
            pa.table(builder.execute(f"SELECT count(*) AS n FROM t WHERE {text}").read_all())["n"][0].as_py()
            for text in predicates
        ]


def union(name: str, predicates: Sequence[str]) -> str:
    return " UNION ALL ".join(
        f"SELECT {place} AS place, count(*) AS n FROM {name} WHERE {text}" for place, text in enumerate(predicates)
    )


def predicates(rows: Sequence[dict[str, Any]], said: Callable[[str, Any], str]) -> list[str]:
    texts = [f"{name} IS {word}NULL" for name in VALUES for word in ("", "NOT ")]
    for row in (rows[0], rows[len(rows) // 2], rows[-1]):
        texts += [
            f"{name} {sign} {said(name, value)}"
            for name, value in row.items()
            if value is not None
            for sign in ("=", "<", ">", "<=", ">=")
        ]
    return texts


def in_spark(name: str, value: Any) -> str:
    text = value if isinstance(value, str) else str(value).lower()
    return f"CAST({literal(text)} AS {VALUES[name][1]})"


def in_trino(name: str, value: Any) -> str:
    types = {"text": "varchar", "moment": "timestamp(6) with time zone", "local": "timestamp(6)"}
    if name == "moment":
        value = value.replace(tzinfo=None).isoformat(sep=" ") + " UTC"
    text = value if isinstance(value, str) else str(value).lower().replace("inf", "Infinity").replace("nan", "NaN")
    return f"CAST('{text}' AS {types.get(name, VALUES[name][1])})"


def in_delta_rs(name: str, value: Any) -> str:
    # Its CAST goes through nanoseconds, which end in 2262.
    exact = {"moment": 'Timestamp(Microsecond, Some("UTC"))', "local": "Timestamp(Microsecond, None)"}
    if name in exact:
        return f"arrow_cast('{value.replace(tzinfo=None).isoformat()}', '{exact[name]}')"
    text = value if isinstance(value, str) else str(value).lower()
    return f"CAST('{text}' AS {'varchar' if name == 'text' else VALUES[name][1]})"


# delta-rs takes a bound in milliseconds for the greatest value itself.
BETWEEN = datetime(9471, 7, 24, 18, 30, 54, 2373)
OF_MICROSECONDS = {**dict.fromkeys(VALUES), "moment": BETWEEN.replace(tzinfo=UTC), "local": BETWEEN}


# A failing case as it comes says enough, and to make it smaller takes minutes.
@thorough(2, 12, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(files=st.lists(FILE, min_size=1, max_size=4))
@example(files=[([OF_MICROSECONDS], 1, True, False)])
def test_no_predicate_finds_less_by_statistics(door: Door, files):
    twins, rows = Twins(door, files), [row for file in files for row in file[0]]

    twins.agree(twins.by_spark, predicates(rows, in_spark))
    twins.agree(twins.by_delta_rs, predicates(rows, in_delta_rs))


def test_trino_finds_no_less_by_statistics_either(door: Door, sql_layer):
    first, second = datetime(24, 1, 1), datetime(2024, 3, 31, 2, 30, 0, 123456)
    rows: list[dict[str, Any]] = [
        dict.fromkeys(VALUES),
        {
            **{"whole": 2**53 + 1, "text": "é" * 4100, "day": first.date(), "moment": first.replace(tzinfo=UTC)},
            **{"local": first, "number": float("nan"), "money": Decimal("0.001"), "flag": False},
        },
        {
            **{"whole": -(2**63), "text": "Z🙂", "day": second.date(), "moment": second.replace(tzinfo=UTC)},
            **{"local": second, "number": -0.0, "money": Decimal("-1.500"), "flag": True},
        },
    ]
    twins = Twins(door, [(rows, 1, True, False), (rows[:1], 1, False, False), (rows[1:], 2, False, False)])

    twins.agree(twins.by_trino, predicates(rows[1:], in_trino))


def test_nulls_are_found_beside_texts_of_which_a_footer_says_nothing(door: Door):
    table = door.table(columns=(Column("id", "bigint", "Key"), Column("text", "string", "A text")))
    long = "if(id % 3 = 0, NULL, if(id < 300, repeat('x', 5000), 'short'))"
    # Parquet's writer looks for the end of a row group every 100 rows at most.
    frame = door.spark.sql(f"SELECT id, {long} AS text FROM range(0, 900, 1, 1)")
    door.spark.conf.set("parquet.block.size", "65536")
    try:
        door.write(table, frame)
    finally:
        door.spark.conf.unset("parquet.block.size")

    [file] = [f for f in list_files(door.workspace.table_path(table.name), ".parquet") if "_delta_log" not in f.path]
    footer = pq.read_metadata(file.path)
    assert footer.num_row_groups > 1
    assert not all(footer.row_group(g).column(1).statistics.has_null_count for g in range(footer.num_row_groups))
    for where, rows in (("text IS NULL", 300), ("text IS NOT NULL", 600), ("text = 'short'", 400)):
        assert door.spark.table(table.name).where(where).count() == rows


ODD_BOUNDS = pa.table(
    {
        # Microseconds since 1970, and days: far outside the years that Python knows.
        "time": pa.array([-(2**62), 2**62], pa.int64()).cast(pa.timestamp("us", "UTC")),
        "day": pa.array([-(2**30), 2**30], pa.int32()).cast(pa.date32()),
        "text": pa.array([b"\xff", b"a"], pa.binary()).view(pa.string()),
    }
)


def test_bounds_that_python_cannot_read_are_left_out_without_an_error(tmp_path: Path):
    pq.write_table(ODD_BOUNDS, tmp_path / "a.parquet")

    said = json.loads(read_adopted(str(tmp_path), list_files(str(tmp_path))[0], {"time", "day", "text"}).statistics)

    assert said == {"numRecords": 2, "minValues": {}, "maxValues": {}, "nullCount": {"time": 0, "day": 0, "text": 0}}
