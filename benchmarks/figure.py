"""What a benchmark gives: figures, each with the target that it is held against by who reads it."""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

_T = TypeVar("_T")


@dataclass(frozen=True)
class Figure:
    """One figure.

    Args:
        name: What was measured.
        value: None where it could not be; the note says why.
        unit: `s`, `ratio`, ...
        target: What is wanted, in words.
        note: How it came about.
    """

    name: str
    value: float | None
    unit: str
    target: str = ""
    note: str = ""


def seconds(work: Callable[[], Any]) -> float:
    """Wall time of one call."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def alternated(ways: Mapping[str, Callable[[], _T]], rounds: int) -> dict[str, list[_T]]:
    """What each way measures, round by round, so that a slow minute of the machine hits all of them."""
    measured: dict[str, list[_T]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            measured[name].append(way())
    return measured


def timing(name: str, values: Sequence[float], target: str = "") -> Figure:
    """The median of several times, and their spread."""
    spread = f"median of {len(values)}, {min(values):.2f} to {max(values):.2f}" if len(values) > 1 else "once"
    return Figure(name, statistics.median(values), "s", target, spread)


def ratio(name: str, values: Sequence[float], over: Sequence[float], target: str = "") -> Figure:
    """One median over another."""
    return Figure(name, statistics.median(values) / statistics.median(over), "ratio", target)
