"""24 expectations on 600,000 rows of 16 columns: the one pass against GX, alternately.

    python -m benchmarks.quality [--rows 600000] [--rounds 3] [--ui http://127.0.0.1:4040]

Spark's jobs are counted through the REST interface of its web UI, where the server has one (`--ui`).
"""

import argparse
import json
import statistics
import tempfile
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lakehouse.quality import gx
from lakehouse.quality.compile import compile_suite, mask_sql
from lakehouse.quality.judge import CheckResult, audit, judge
from lakehouse.quality.suite import Suite, expectation_of, numbered
from lakehouse.session import connect

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
LIMIT = 0.2


def suite() -> Suite:
    """Eight that values are there, eight ranges, sets and patterns, and those on the whole table."""
    found: list[tuple[str, dict[str, Any]]] = []
    found += [("expect_column_values_to_not_be_null", {"column": name, "mostly": 0.9}) for name in ("id", *NUMBERS[:7])]
    found += [
        ("expect_column_values_to_be_between", {"column": name, "min_value": 0, "max_value": 990, "mostly": 0.9})
        for name in (*NUMBERS[:4], "d0", "d1")
    ]
    found += [
        ("expect_column_values_to_be_in_set", {"column": name, "value_set": ["a", "b", "c"]}) for name in ("s0", "s1")
    ]
    found += [
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
    listed = [expectation_of({"type": kind, "kwargs": kwargs, "severity": "warning"}) for kind, kwargs in found]
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
    masks = mask_sql(compile_suite(suite(), COLUMNS).rows)
    from pyspark.sql import functions as F

    made.withColumns({name: F.expr(sql) for name, sql in masks.items()}).write.mode("overwrite").parquet(path)
    return session.read.parquet(path)


def jobs(ui: str | None) -> int | None:
    """Spark jobs that the server has run so far."""
    if ui is None:
        return None
    with urllib.request.urlopen(f"{ui}/api/v1/applications") as answer:  # noqa: S310 - an address given by the caller
        application = json.load(answer)[0]["id"]
    with urllib.request.urlopen(f"{ui}/api/v1/applications/{application}/jobs") as answer:  # noqa: S310
        return max((job["jobId"] for job in json.load(answer)), default=-1) + 1


def timed(
    work: Callable[[], tuple[CheckResult, ...]], ui: str | None
) -> tuple[float, int | None, tuple[CheckResult, ...]]:
    """Seconds, jobs and results."""
    before, started = jobs(ui), time.perf_counter()
    results = work()
    seconds = time.perf_counter() - started
    after = jobs(ui)
    return seconds, None if after is None or before is None else after - before, results


def counts_of(result: CheckResult) -> tuple[Any, ...]:
    """What must be equal."""
    return result.success, result.element_count, result.unexpected_count, result.unexpected_percent


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=600_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--ui", default=None)
    arguments = parser.parse_args()
    session = connect()
    rules, names = suite(), list(COLUMNS)
    compiled = compile_suite(rules, COLUMNS)
    with tempfile.TemporaryDirectory(prefix="quality-") as folder:
        staged = frame(session, f"file://{folder}/rows", arguments.rows)
        table = staged.select(*names)
        ways: dict[str, Callable[[], tuple[CheckResult, ...]]] = {
            "judge, staged": lambda: judge(staged, compiled, names),
            "audit, not staged": lambda: audit(table, compiled),
            "GX": lambda: gx.run(table, rules.expectations, gx.DEFAULT),
            "GX, counts only": lambda: gx.run(table, rules.expectations),
        }
        seconds: dict[str, list[float]] = {name: [] for name in ways}
        counted: dict[str, int | None] = {}
        verdicts: dict[str, dict[str, tuple[Any, ...]]] = {}
        for number in range(arguments.rounds + 1):
            for name, work in ways.items():
                took, counted[name], results = timed(work, arguments.ui)
                verdicts[name] = {
                    r.name: (r.success, r.element_count, r.unexpected_count, r.unexpected_percent) for r in results
                }
                if number:
                    seconds[name].append(took)
    print(f"{len(rules.expectations)} expectations, {arguments.rows} rows x {len(COLUMNS)} columns")
    print(f"{arguments.rounds} rounds after a warm-up")
    slowest = statistics.median(seconds["GX"])
    for name, each in seconds.items():
        middle = statistics.median(each)
        asked = "" if counted[name] is None else f"  {counted[name]} jobs"
        print(f"  {name:<18} median {middle:6.2f} s  (min {min(each):.2f})  ratio to GX {middle / slowest:.3f}{asked}")
    same = all(found == verdicts["GX"] for found in verdicts.values())
    print(f"  verdicts and counts equal: {same}; ratio wanted at most {LIMIT}")


if __name__ == "__main__":
    main()
