"""`lakehouse up` in a fresh home, with warm caches: with the AOT caches and without."""

import subprocess
import sys
from pathlib import Path
from typing import Literal

from benchmarks.figure import Figure, alternated, ratio, seconds, timing
from benchmarks.room import environment, has_aot_cache, room

ROUNDS = 3
TARGET = "at most 12 s"
_WITHOUT, _WITH = "`lakehouse up`, no AOT cache", "`lakehouse up`, AOT cache"


def cold_start(aot: Literal["use", "off"]) -> float:
    """Seconds of `lakehouse up` in a home that does not exist yet."""
    command = [str(Path(sys.executable).parent / "lakehouse"), "up"]
    with room(aot=aot) as workspace:
        return seconds(
            lambda: subprocess.run(command, env=environment(workspace), check=True, capture_output=True, timeout=600)
        )


def run(rounds: int = ROUNDS) -> list[Figure]:
    """Alternate the two."""
    ways = {_WITHOUT: lambda: cold_start("off")}
    if has_aot_cache():
        ways[_WITH] = lambda: cold_start("use")
    times = alternated(ways, rounds)
    figures = [timing(name, values, TARGET) for name, values in times.items()]
    if _WITH in times:
        return [*figures, ratio("the two: AOT cache over none", times[_WITH], times[_WITHOUT], "as low as it goes")]
    return [*figures, Figure(_WITH, None, "s", TARGET, "no cache here yet; `lakehouse up` makes it in the background")]
