"""An asset of one row on a warm server, by call and as a process, against a classic Spark session per process."""

import shutil
from itertools import count

from benchmarks.figure import Figure, alternated, ratio, seconds, timing
from benchmarks.one_row import SINGLE, materialize
from benchmarks.room import room, write_rules
from benchmarks.room import run as run_in
from lakehouse.engine.session import Connection
from lakehouse.services import up
from lakehouse.services.java import jars
from lakehouse.workspace import Workspace

ROUNDS = 5
_CALL, _PROCESS, _CLASSIC = (
    "asset of one row, warm server: call to committed version",
    "the same as a process of its own",
    "the same row by a classic local[2] session per process",
)
_TARGET = "at most 0.15"
# The rules of an ordinary suite, so that there is something to judge.
_RULES = (
    ("expect_column_values_to_be_between", {"column": "value", "min_value": 0, "mostly": 0.9}),
    ("expect_column_values_to_match_regex", {"column": "name", "regex": "^n[0-9]+$", "mostly": 0.9}),
    ("expect_table_row_count_to_be_between", {"min_value": 1}),
)


def write_suite(workspace: Workspace) -> None:
    """Give the table a suite, in a project of the room's own."""
    listed = [{"type": kind, "kwargs": kwargs, "severity": "critical", "meta": {}} for kind, kwargs in _RULES]
    write_rules(workspace, SINGLE.name, listed)


def run(rounds: int = ROUNDS) -> list[Figure]:
    """Alternate the three; the first round makes the tables and is not counted."""
    with room() as workspace:
        write_suite(workspace)
        up(workspace)
        numbers = count(1)
        files = ",".join(str(jar) for jar in sorted(jars.fetch(workspace.settings, "delta").glob("*.jar")))
        plain = f"{workspace.home}/classic"
        with Connection(workspace) as connection:
            ways = {
                _CALL: lambda: seconds(lambda: materialize(connection, next(numbers))),
                _PROCESS: lambda: seconds(lambda: run_in(workspace, "benchmarks.one_row", str(next(numbers)))),
            }
            if shutil.which("java"):
                ways[_CLASSIC] = lambda: seconds(
                    lambda: run_in(workspace, "benchmarks.classic", str(next(numbers)), plain, files)
                )
            times = {name: values[1:] for name, values in alternated(ways, rounds + 1).items()}
    figures = [timing(_CALL, times[_CALL], "at most 3 s"), timing(_PROCESS, times[_PROCESS])]
    if _CLASSIC not in times:
        return [*figures, Figure("call over classic", None, "ratio", _TARGET, "not measured: no `java` on the path")]
    return [
        *figures,
        timing(_CLASSIC, times[_CLASSIC]),
        ratio("call over classic", times[_CALL], times[_CLASSIC], _TARGET),
        ratio("process over classic", times[_PROCESS], times[_CLASSIC]),
    ]
