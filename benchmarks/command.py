"""`lakehouse --help`: how long the command takes to say what it can do."""

import subprocess
import sys
from pathlib import Path

from benchmarks.figure import Figure, seconds, timing

ROUNDS = 7


def run(rounds: int = ROUNDS) -> list[Figure]:
    """Measure it in processes of their own."""
    command = [str(Path(sys.executable).parent / "lakehouse"), "--help"]
    times = [seconds(lambda: subprocess.run(command, check=True, capture_output=True)) for _ in range(rounds + 1)]
    return [timing("`lakehouse --help`", times[1:], "at most 0.5 s")]
