"""The lines in the order of their arrival: ordinary readings, broken ones, repeats, corrections and latecomers."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random

from assets.simulation.faults import (
    DEDUPLICATED,
    FAULTS,
    PUBLISHED,
    SILVER_QUARANTINE,
    SUPERSEDED,
    Fault,
    Record,
    Rule,
    line_of,
)
from assets.simulation.wearers import hospital_rows, measure, wearers

START = datetime(2026, 1, 1)  # UTC, as every time here; written with a Z.
FEWEST_ROWS = 100
LINES_AN_HOUR = 250
MOST_WEARERS = 300

# Shares of all lines; those of pairs stand at the end of this file.
LATE = 0.01


@dataclass(frozen=True)
class Sent:
    """One line, the time of its arrival, and where it must end."""

    arrived: datetime
    text: str
    reading_id: str | None
    kind: str = "ordinary"
    fate: str = PUBLISHED
    rules: tuple[Rule, ...] = ()


@dataclass(frozen=True)
class Reading:
    """A good reading before anything happens to it."""

    sent_at: datetime
    record: Record

    def sent(self, kind: str = "ordinary", fate: str = PUBLISHED) -> Sent:
        """The line of it, arriving when it was sent."""
        return Sent(self.sent_at, line_of(self.record), self.record["reading_id"], kind, fate)


@dataclass(frozen=True)
class Clock:
    """The simulated hours."""

    start: datetime
    hours: int

    def later(self, time: datetime, random: Random) -> datetime:
        """A time in one of the next hours after `time`."""
        hour = int((time - self.start) / timedelta(hours=1))
        ahead = random.randint(1, min(12, self.hours - 1 - hour))
        return self.start + timedelta(hours=hour + ahead, seconds=random.randint(0, 3599))


def stamp(time: datetime) -> str:
    """A time as the bracelet writes it."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


def sent_lines(rows: int, seed: int, start: datetime) -> list[Sent]:
    """All lines, `rows` of them.

    Raises:
        ValueError: fewer rows than one of each kind needs.
    """
    if rows < FEWEST_ROWS:
        raise ValueError(f"at least {FEWEST_ROWS} rows are needed for one of each kind, got {rows}")
    random = Random(f"readings {seed} {stamp(start)}")  # noqa: S311 - repeatable on purpose
    clock = Clock(start, max(2, -(-rows // LINES_AN_HOUR)))
    pairs = [pair for pair, share in _PAIRS for _ in range(_count(rows, share))]
    readings = _readings(rows - len(pairs), seed, clock, random)
    # The second line of a pair arrives in a later hour than the first, so the last hour has no first ones.
    early = [reading for reading in readings if reading.sent_at < start + timedelta(hours=clock.hours - 1)]
    random.shuffle(early)
    lines = [line for pair in pairs for line in pair(early.pop(), clock, random)]
    lines += [_break(early.pop(), fault, random) for fault in FAULTS for _ in range(_count(rows, fault.share))]
    lines += [_delay(early.pop(), random) for _ in range(_count(rows, LATE))]
    ordinary = early + [reading for reading in readings if reading.sent_at >= start + timedelta(hours=clock.hours - 1)]
    lines += [reading.sent() for reading in ordinary]
    return sorted(lines, key=lambda line: (line.arrived, line.text))


def _count(rows: int, share: float) -> int:
    return max(1, round(rows * share))


def _readings(count: int, seed: int, clock: Clock, random: Random) -> list[Reading]:
    baselines = wearers(min(MOST_WEARERS, max(10, count // 20)), seed, hospital_rows())
    turns = list(baselines)
    random.shuffle(turns)
    readings = []
    for number in range(count):
        wearer = turns[number % len(turns)]
        hour = clock.start + timedelta(hours=number * clock.hours // count)
        read_at = hour + timedelta(seconds=random.randint(0, 3500))
        sent_at = read_at + timedelta(seconds=random.randint(1, 90))
        ids = {"reading_id": f"r-{random.getrandbits(64):016x}", "wearer_id": wearer}
        times = {"read_at": stamp(read_at), "sent_at": stamp(sent_at)}
        readings.append(Reading(sent_at, ids | times | measure(baselines[wearer], random)))
    return readings


def _repeat(first: Reading, clock: Clock, random: Random) -> list[Sent]:
    """The same line twice, the second at once or hours later. The one that arrives last is kept; they are equal."""
    at_once = first.sent_at + timedelta(seconds=1)
    again = random.choice([at_once, clock.later(first.sent_at, random)])
    return [first.sent("repeated", DEDUPLICATED), replace(first.sent("repeat"), arrived=again)]


def _correct(first: Reading, clock: Clock, random: Random) -> list[Sent]:
    return [first.sent("corrected", SUPERSEDED), _corrected(first, clock, random).sent("correction")]


def _corrected(first: Reading, clock: Clock, random: Random) -> Reading:
    sent_at = clock.later(first.sent_at, random)
    changed = {"trestbps": first.record["trestbps"] + 1, "sent_at": stamp(sent_at)}
    return Reading(sent_at, first.record | changed)


def _correct_badly(first: Reading, clock: Clock, random: Random) -> list[Sent]:
    correction = _corrected(first, clock, random)
    broken = replace(correction, record=correction.record | {"thalach": -1})
    rule = Rule("max_heart_rate_bpm", "values_between")
    guilty = replace(broken.sent("broken correction", SILVER_QUARANTINE), rules=(rule,))
    return [first.sent("corrected badly"), guilty]


def _overtake(first: Reading, clock: Clock, random: Random) -> list[Sent]:
    """The correction arrives at once, what it corrects hours later."""
    sent_at = first.sent_at + timedelta(seconds=5)
    correction = Reading(sent_at, first.record | {"trestbps": first.record["trestbps"] + 1, "sent_at": stamp(sent_at)})
    overtaken = replace(first.sent("overtaken by its correction", SUPERSEDED), arrived=clock.later(sent_at, random))
    return [correction.sent("correction that overtook"), overtaken]


def _break(good: Reading, fault: Fault, random: Random) -> Sent:
    text = fault.text(good.record, random)
    reading_id = good.record["reading_id"] if good.record["reading_id"] in text else None
    return Sent(good.sent_at, text, reading_id, fault.kind, fault.fate, fault.rules)


def _delay(good: Reading, random: Random) -> Sent:
    read_at = good.sent_at - timedelta(hours=random.randint(6, 48))
    late = replace(good, record=good.record | {"read_at": stamp(read_at)})
    return late.sent("late")


_PAIRS: tuple[tuple[Callable[[Reading, Clock, Random], list[Sent]], float], ...] = (
    (_repeat, 0.005),
    (_correct, 0.005),
    (_correct_badly, 0.001),
    (_overtake, 0.001),
)
