"""24 expectations on 600,000 rows of 16 columns: the one pass against GX, in turns on one warm server.

GX runs in a session of its own that generates code, which is its best case; the pass runs in a session as
`lakehouse up` gives it. Spark's jobs are counted in its event log, by tags.
"""

import json
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.figure import Figure, alternated, ratio, seconds, timing
from benchmarks.room import big_session, room
from lakehouse.engine.session import Connection
from lakehouse.quality import gx
from lakehouse.quality.compile import compile_suite, masked
from lakehouse.quality.judge import CheckResult, audit, judge
from lakehouse.quality.suite.suite import Suite, expectation_of, numbered
from lakehouse.services import up

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

NUMBERS = [f"n{index}" for index in range(8)]
COLUMNS = {
    "id": "bigint",
    **dict.fromkeys(NUMBERS, "int"),
    **dict.fromkeys(("d0", "d1", "d2"), "double"),
    **dict.fromkeys(("s0", "s1"), "string"),
    "day": "date",
    "at": "timestamp",
}
ROWS = 600_000
ROUNDS = 5
_JUDGE, _AUDIT, _GX, _LEAN = "judge, staged rows", "audit, rows as they are", "GX, as it comes", "GX, counts only"
_Way = Callable[[], tuple[CheckResult, ...]]


def suite() -> Suite:
    """Eight that values are there, eight ranges, sets and patterns, and those on the whole table."""
    rules: list[tuple[str, dict[str, Any]]] = []
    rules += [("expect_column_values_to_not_be_null", {"column": name, "mostly": 0.9}) for name in ("id", *NUMBERS[:7])]
    rules += [
        ("expect_column_values_to_be_between", {"column": name, "min_value": 0, "max_value": 990, "mostly": 0.9})
        for name in (*NUMBERS[:4], "d0", "d1")
    ]
    rules += [
        ("expect_column_values_to_be_in_set", {"column": name, "value_set": ["a", "b", "c"]}) for name in ("s0", "s1")
    ]
    rules += [
        ("expect_column_values_to_match_regex", {"column": "s0", "regex": "^[a-c]$"}),
        ("expect_column_value_lengths_to_be_between", {"column": "s1", "min_value": 1, "max_value": 3}),
        ("expect_column_values_to_be_between", {"column": "day", "min_value": "2020-01-01"}),
        (
            "expect_column_pair_values_a_to_be_greater_than_b",
            {"column_A": "n1", "column_B": "n0", "or_equal": True, "mostly": 0.1},
        ),
        ("expect_column_values_to_be_unique", {"column": "id"}),
        ("expect_table_row_count_to_be_between", {"min_value": 1}),
        ("expect_column_mean_to_be_between", {"column": "d0", "min_value": 0, "max_value": 1000}),
        ("expect_column_max_to_be_between", {"column": "n7", "max_value": 1000}),
    ]
    listed = [expectation_of({"type": kind, "kwargs": kwargs, "severity": "warning"}) for kind, kwargs in rules]
    return Suite("bench", Path("expectations/silver/bench.json"), tuple(numbered(listed)))


def frame(session: "SparkSession", path: str, rows: int) -> "DataFrame":
    """The table, written once with the masks of the suite, as the door stages it."""
    numbers = [
        f"CASE WHEN hash(id, {n}) % 50 = 0 THEN NULL ELSE abs(hash(id, {n})) % 1000 END AS n{n}" for n in range(8)
    ]
    doubles = [f"CAST(abs(hash(id, 1{n})) % 100000 AS DOUBLE) / 100 AS d{n}" for n in range(3)]
    strings = [f"substr('abc', 1 + abs(hash(id, 2{n})) % 3, 1) AS s{n}" for n in range(2)]
    times = ["date_add(DATE'2024-01-01', CAST(id % 300 AS INT)) AS day", "timestamp_seconds(1700000000 + id) AS at"]
    made = session.range(rows).selectExpr("id", *numbers, *doubles, *strings, *times)
    masked(made, compile_suite(suite(), COLUMNS).rows).write.mode("overwrite").parquet(path)
    return session.read.parquet(path)


@contextmanager
def event_log() -> Iterator[Path]:
    """A folder in which the servers started meanwhile log their Spark events."""
    with tempfile.TemporaryDirectory(prefix="events-") as folder:
        conf = {
            "enabled": "true",
            "dir": f"file://{folder}",
            "compress": "false",
            "rolling.enabled": "false",
        }
        options = " ".join(f"-Dspark.eventLog.{name}={value}" for name, value in conf.items())
        before = os.environ.get("JDK_JAVA_OPTIONS")
        os.environ["JDK_JAVA_OPTIONS"] = f"{before or ''} {options}".strip()
        try:
            yield Path(folder)
        finally:
            if before is None:
                del os.environ["JDK_JAVA_OPTIONS"]
            else:
                os.environ["JDK_JAVA_OPTIONS"] = before


def jobs(events: Path, tag: str) -> int:
    """Spark jobs with a tag."""
    count = 0
    for file in events.iterdir():
        for line in file.read_text().splitlines():
            event = json.loads(line) if "SparkListenerJobStart" in line else {}
            count += tag in event.get("Properties", {}).get("spark.job.tags", "")
    return count


def tag_of(name: str) -> str:
    """The tag of a way's operations."""
    return "bench_" + "".join(letter for letter in name if letter.isalpha())


def tagged(session: "SparkSession", name: str, work: _Way, counts: dict[str, Any]) -> float:
    """Seconds of one call, whose jobs get the way's tag; what must be equal is kept."""
    session.addTag(tag_of(name))
    try:
        taken = seconds(lambda: counts.update({name: {r.name: counts_of(r) for r in work()}}))
    finally:
        session.removeTag(tag_of(name))
    return taken


def counts_of(result: CheckResult) -> tuple[Any, ...]:
    """What must be equal."""
    percents = result.unexpected_percent, result.unexpected_percent_total, result.missing_count
    return result.success, result.element_count, result.unexpected_count, *percents


def measured(ours: "SparkSession", theirs: "SparkSession", rounds: int) -> dict[str, list[float]]:
    """Seconds of each way, after two rounds that warm the server."""
    rules, names = suite(), list(COLUMNS)
    compiled = compile_suite(rules, COLUMNS)
    with tempfile.TemporaryDirectory(prefix="quality-") as folder:
        staged = frame(ours, f"file://{folder}/rows", ROWS)
        table, same = staged.select(*names), theirs.read.parquet(f"file://{folder}/rows").select(*names)
        ways: dict[str, tuple[SparkSession, _Way]] = {
            _JUDGE: (ours, lambda: judge(staged, compiled, names)),
            _AUDIT: (ours, lambda: audit(table, compiled)),
            _GX: (theirs, lambda: gx.run(same, rules.expectations, gx.DEFAULT)),
            _LEAN: (theirs, lambda: gx.run(same, rules.expectations)),
        }
        counts: dict[str, Any] = {}
        bound = {name: partial(tagged, session, name, work, counts) for name, (session, work) in ways.items()}
        times = alternated(bound, rounds + 2)
    different = [name for name in ways if counts[name] != counts[_GX]]
    if different:
        raise AssertionError(f"verdicts or counts differ from GX's: {', '.join(different)}")
    return {name: values[2:] for name, values in times.items()}


def run(rounds: int = ROUNDS) -> list[Figure]:
    """The ways in turns; verdicts and counts must be equal."""
    with event_log() as events:
        with room() as workspace:
            up(workspace)
            with Connection(workspace) as ours, Connection(workspace) as theirs:
                times = measured(ours.session(), big_session(theirs), rounds)
        counted = {name: jobs(events, tag_of(name)) / (rounds + 2) for name in times}
    return [
        *(timing(f"24 expectations, {ROWS:,} rows: {name}", values) for name, values in times.items()),
        *(
            ratio(f"{ours} over {theirs}", times[ours], times[theirs], target)
            for theirs, target in ((_GX, "at most 0.2"), (_LEAN, ""))
            for ours in (_JUDGE, _AUDIT)
        ),
        *(
            Figure(f"Spark jobs: {name}", count, "jobs", "at most 3" if name in (_JUDGE, _AUDIT) else "")
            for name, count in counted.items()
        ),
    ]
