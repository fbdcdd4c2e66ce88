"""`lakehouse up` in a fresh home, with warm caches: with the AOT caches, without, and with the JVM's own archive.

After each start comes the first work: tables are made, filled, merged and read by a process of its own.
"""

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from benchmarks.archive import archive
from benchmarks.figure import Figure, alternated, ratio, seconds, timing
from benchmarks.room import ROOT, environment, has_aot_cache, room
from benchmarks.room import run as run_in
from lakehouse.services.roster import BASE

ROUNDS = 3
TARGET = "at most 12 s"
_WITHOUT, _WITH = "`lakehouse up`, no AOT cache", "`lakehouse up`, AOT cache"
_ARCHIVE = "the same with `-XX:+AutoCreateSharedArchive` instead"
_FIRST_WORK = "first work after "


def cold_start(command: Sequence[str], aot: Literal["use", "off"], first: list[float]) -> float:
    """Seconds of a command that brings the servers up, in a home that does not exist yet.

    Those of the first work after it are added to `first`.
    """
    with room(aot=aot) as workspace:
        own = environment(workspace)
        start = seconds(
            lambda: subprocess.run(command, env=own, cwd=ROOT, check=True, capture_output=True, timeout=600)
        )
        first.append(seconds(lambda: run_in(workspace, "benchmarks.first_work")))
        return start


def run(rounds: int = ROUNDS) -> list[Figure]:
    """Alternate the three."""
    lakehouse_up = [str(Path(sys.executable).parent / "lakehouse"), "up"]
    first: dict[str, list[float]] = {_WITHOUT: [], _ARCHIVE: [], _WITH: []}
    with tempfile.TemporaryDirectory(prefix="bench-archive-") as folder:
        with room() as workspace:
            run_in(workspace, "benchmarks.archive", folder, "work")
        written = [service for service in BASE if archive(Path(folder), service).is_file()]
        archive_up = [sys.executable, "-m", "benchmarks.archive", folder]
        ways = {
            _WITHOUT: lambda: cold_start(lakehouse_up, "off", first[_WITHOUT]),
            _ARCHIVE: lambda: cold_start(archive_up, "use", first[_ARCHIVE]),
        }
        if has_aot_cache():
            ways[_WITH] = lambda: cold_start(lakehouse_up, "use", first[_WITH])
        times = alternated(ways, rounds)
    figures = [timing(name, values, TARGET) for name, values in times.items()]
    figures += [timing(_FIRST_WORK + name, first[name]) for name in times]
    archives = f"archives ({', '.join(written) or 'none was written'}) over none"
    figures += [
        ratio(archives, times[_ARCHIVE], times[_WITHOUT]),
        ratio(f"{archives}, first work", first[_ARCHIVE], first[_WITHOUT]),
    ]
    if _WITH not in times:
        missing = "no cache here yet; `lakehouse up` makes it in the background"
        return [*figures, Figure(_WITH, None, "s", TARGET, missing)]
    return [
        *figures,
        ratio("AOT cache over none", times[_WITH], times[_WITHOUT], "as low as it goes"),
        ratio("AOT cache over none, first work", first[_WITH], first[_WITHOUT], "as low as it goes"),
    ]
