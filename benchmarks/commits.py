"""A commit's own cost: the engine's log store against the one that Delta has for a disk, in one JVM, in turn."""

import statistics
import subprocess
import tempfile
from collections import defaultdict
from pathlib import Path

from benchmarks.figure import Figure, ratio
from lakehouse.services import roster
from lakehouse.services.java.runtime import class_path
from lakehouse.services.java.scala import jar_of
from lakehouse.services.servers.spark import jvm_flags
from lakehouse.settings import load

ROUNDS = 9
COMMITS = 50
SOURCE = Path(__file__).with_name("CommitTimes.scala")
_NAMES = {"ours": "a commit by the engine's log store", "deltas": "the same by Delta's own store for a disk"}


def run(rounds: int = ROUNDS) -> list[Figure]:
    """Alternate the two. A temporary folder that lies in memory would hide what a flush to a disk costs."""
    settings = load()
    runtime = roster.runtime(settings, "spark")
    jar = jar_of(settings, runtime.java, SOURCE, beside=runtime.extras)
    jars = ":".join(str(path) for path in (*class_path(runtime), jar))
    millis: dict[str, list[float]] = defaultdict(list)
    with tempfile.TemporaryDirectory(prefix="bench-commits-") as folder:
        command = [str(runtime.java.program), *jvm_flags(runtime.java), "-cp", jars, "lakehouse.CommitTimes"]
        command += [folder, str(rounds), str(COMMITS)]
        told = subprocess.run(command, check=True, capture_output=True, text=True, timeout=600).stdout
    for store, seconds in (line.split() for line in told.splitlines()):
        millis[store].append(1000 * float(seconds))
    return [
        *(_figure(name, millis[store]) for store, name in _NAMES.items()),
        ratio("the engine's over Delta's own", millis["ours"], millis["deltas"], "at most 1"),
    ]


def _figure(name: str, values: list[float]) -> Figure:
    spread = f"median of {len(values)} times {COMMITS} commits of 2 kB, {min(values):.1f} to {max(values):.1f}"
    return Figure(name, statistics.median(values), "ms", note=spread)
