"""Kills: clients and servers end by SIGKILL at every step of the door; whoever comes next finds all as it must be."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any

import psutil

from lakehouse.answers.row_accounts import accounts
from lakehouse.delta.history import open_table
from lakehouse.engine.session import Connection
from lakehouse.errors import ServiceError
from lakehouse.services.supervise import supervisor, wire
from lakehouse.sql.ask_trino import ask
from lakehouse.workspace import Workspace
from tests.library.faults import clients
from tests.library.faults.batches import MODES, random_of
from tests.library.faults.clients import DONE, HERE, WORKS, Client, Task
from tests.library.faults.house import House
from tests.library.faults.steps import BATCH, DOOR, OF_MERGES, RECOVERY, REPLAY, Gap

# A client that hangs for so long is killed, and said to have hung.
PATIENCE_SECONDS = 120
DECIDED = Gap(DOOR, "save_intent")


@dataclass(frozen=True)
class Kill:
    """One kill that is planned.

    Args:
        kind: "step" (between two steps), "moment" (at a random one) or "server" (the engine, at a random moment).
        modes: What the client works on.
        action: "batch", "replay", "recover" (it dies again while it finishes what the kill before left) or "any".
        gap: Where, for a step.
        delay: Seconds from the beginning of its work, for a moment.
        after: Acknowledged pieces of work that are awaited before the delay.
    """

    kind: str
    modes: tuple[str, ...]
    action: str = "any"
    gap: Gap | None = None
    delay: float = 0.0
    after: int = 0

    def __str__(self) -> str:
        return f"{self.kind} {'+'.join(self.modes)} {self.action} {self.gap or f'{self.delay:.2f} s'}"


@dataclass
class Outcome:
    """What came of a campaign."""

    seed: int
    kills: Counter[str] = field(default_factory=Counter)
    modes: Counter[str] = field(default_factory=Counter)
    gaps: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    batches: dict[str, int] = field(default_factory=dict)
    replays: int = 0
    rows: int = 0
    readers: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def count(self, word: str) -> int:
        """Problems of a kind: "lost", "duplicated" or "unreadable"."""
        return sum(f": {word}" in problem for problem in self.problems)

    def note(self, kill: Kill) -> None:
        """Count a kill that happened."""
        self.kills[kill.kind] += 1
        self.gaps[str(kill.gap or "a random moment")] += 1
        self.modes.update(kill.modes)


def plan(count: int, seed: int, *, servers: int) -> list[Kill]:
    """So many kills: servers, every gap once as far as there is room, the rest at random moments."""
    random = random_of(seed)
    modes = sorted(MODES)
    steps = [Kill("step", (mode,), "batch", gap) for mode in modes for gap in (*BATCH, *OF_MERGES.get(mode, ()))]
    steps += [Kill("step", (modes[place % len(modes)],), "replay", gap) for place, gap in enumerate(REPLAY)]
    steps += [Kill("step", (random.choice(modes),), "recover", gap) for gap in RECOVERY]
    random.shuffle(steps)
    steps = steps[: max((count - servers) * 2 // 3, count - servers - 100)]
    chosen = steps + [_moment(random, "server") for _ in range(servers)]
    chosen += [_moment(random, "moment") for _ in range(count - len(chosen))]
    random.shuffle(chosen)
    return chosen


def _moment(random: Random, kind: str) -> Kill:
    return Kill(kind, tuple(random.sample(sorted(MODES), 2)), delay=random.uniform(0, 3))


def campaign(
    house: House, kills: list[Kill], tell: Callable[[str], None], modes: tuple[str, ...] = tuple(sorted(MODES))
) -> Outcome:
    """Kill, recover, check; again and again; then read every table by every reader."""
    began, outcome, left = time.monotonic(), Outcome(house.seed), modes
    for place, planned in enumerate(kills):
        for kill in _prepared(planned):
            task = Task(house, left, kill.modes, kill.action, kill.gap, house.seed + place)
            client = clients.start(clients.work, task)
            _carry_out(house.workspace, client, kill, outcome)
            has_recovered = WORKS in client.said
            left = tuple(sorted({*kill.modes, *(() if has_recovered else left)}))
        wrong = len(_wrong(house))
        tell(f"{place + 1}/{len(kills)} {planned}, {time.monotonic() - began:.0f} s, {wrong} wrong")
    _finish(house, outcome, modes)
    outcome.seconds = time.monotonic() - began
    return outcome


def _prepared(kill: Kill) -> Iterator[Kill]:
    """A kill during a recovery needs one before it that leaves something to recover."""
    if kill.action == "recover":
        yield Kill("step", kill.modes, "batch", DECIDED)
    yield kill


def _carry_out(workspace: Workspace, client: Client, kill: Kill, outcome: Outcome) -> None:
    """Have a client killed, or its server."""
    if kill.kind == "step":
        ended = client.until(PATIENCE_SECONDS)
    else:
        client.until(PATIENCE_SECONDS, HERE)
        for _ in range(kill.after):
            client.until(PATIENCE_SECONDS, DONE)
        client.until(kill.delay)
        ended = _kill_server(workspace, client) if kill.kind == "server" else True
    if not ended:
        outcome.failures.append(f"{kill}: the client hung")
    is_killed = kill.kind == "server" or client.process.is_alive() or client.was_killed
    client.kill()
    client.drain()
    if kill.kind != "server":
        outcome.failures += [f"{kill}: {failure}" for failure in client.failures]
    if is_killed:
        outcome.note(kill)


def _kill_server(workspace: Workspace, client: Client) -> bool:
    """Kill the engine, see the client end, wait until the engine is back; whether the client ended in time."""
    psutil.Process(supervisor.states(workspace)["spark"].pid).kill()
    ended = client.until(PATIENCE_SECONDS)
    await_engine(workspace)
    return ended


def await_engine(workspace: Workspace) -> None:
    """Wait until the supervisor has the engine up again."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return wire.ask_spark(workspace.spark_remote, "SELECT 1", timeout=30)
        except ServiceError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)  # a server gives no sign when it begins to listen


def _wrong(house: House) -> list[str]:
    return [f"{entry.mode}: {entry.text}" for entry in house.ledger.entries() if entry.what == "wrong"]


def _finish(house: House, outcome: Outcome, modes: tuple[str, ...]) -> None:
    """Recover all, then compare what each reader reads with the model."""
    client = clients.start(clients.work, Task(house, modes, action="recover"))
    if not client.until(PATIENCE_SECONDS * len(modes)):
        outcome.failures.append("the last recovery: the client hung")
    client.drain()
    client.kill()
    outcome.failures += [f"the last recovery: {failure}" for failure in client.failures]
    outcome.problems = _wrong(house)
    for name, read in readers(house).items():
        for mode in modes:
            try:
                outcome.problems += [f"{mode} by {name}: {problem}" for problem in house.problems(mode, read(mode))]
            except Exception as error:
                outcome.problems += [f"{mode} by {name}: {problem}" for problem in unreadable(house, mode, error)]
        outcome.readers.append(name)
    entries = house.ledger.entries()
    outcome.replays = sum(entry.what == "replay" for entry in entries)
    for mode in modes:
        outcome.batches[mode] = house.number(mode)
        outcome.rows += accounts(house.workspace, house.table(mode).name).rows_in


def unreadable(house: House, mode: str, error: Exception) -> list[str]:
    """What a reader's error means: a loss if a batch was acknowledged, nothing if none was and no log is there."""
    acknowledged = house.ledger.acknowledged(mode)
    has_log = open_table(house.workspace, house.table(mode).name) is not None
    if not acknowledged and not has_log:
        return []
    return [
        f"{'unreadable' if has_log else 'lost: the table is gone'}, batch {acknowledged} was acknowledged, "
        f"{'its log is there' if has_log else 'no log is there'}, {type(error).__name__}: {str(error)[:300]}"
    ]


def readers(house: House) -> dict[str, Callable[[str], list[tuple[Any, ...]]]]:
    """Who can read the tables: delta-rs, Spark, and Trino where it is up."""

    def by_spark(mode: str) -> list[tuple[Any, ...]]:
        with Connection(house.workspace) as connection:
            rows = connection.session().table(house.table(mode).name).select(*house.table(mode).stored_names).collect()
        return sorted((tuple(row) for row in rows), key=str)

    def by_trino(mode: str) -> list[tuple[Any, ...]]:
        names = ", ".join(house.table(mode).stored_names)
        return sorted(ask(house.workspace, f"SELECT {names} FROM {house.table(mode).name}").rows, key=str)

    always = {"delta-rs": house.read, "Spark": by_spark}
    return always | ({"Trino": by_trino} if "trino" in house.workspace.services() else {})
