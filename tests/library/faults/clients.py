"""Clients: real processes, forked from a server that has imported what they need, so that each is there at once."""

import multiprocessing
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection as Pipe
from typing import Any

from lakehouse.engine.session import Connection
from tests.library.faults.batches import random_of
from tests.library.faults.house import House
from tests.library.faults.steps import Gap, kill_at

HERE, WORKS, DONE, FAILED = "here", "works", "done", "failed"
_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["tests.library.faults.preloaded"])


@dataclass(frozen=True)
class Task:
    """What a client does before it is killed.

    Args:
        house: The tables.
        first: Modes that are recovered and checked first: those that the client before had its hands on.
        modes: The modes that it then works on.
        action: What it does with the first of them: "batch", "replay" or "recover".
        gap: Where it kills itself; None where somebody else kills it: then it works on and on.
        seed: Of the order in which it then does things.
    """

    house: House
    first: tuple[str, ...] = ()
    modes: tuple[str, ...] = ()
    action: str = "batch"
    gap: Gap | None = None
    seed: int = 0


@dataclass
class Client:
    """A client that runs."""

    process: Any
    pipe: Pipe
    said: list[str] = field(default_factory=list)

    def until(self, seconds: float, word: str = "") -> bool:
        """Wait until it says a word, or has ended; whether that was in time."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            try:
                if self.pipe.poll(left):
                    self.said.append(self.pipe.recv())
                    if word and self.said[-1] == word:
                        return True
            except (EOFError, ConnectionResetError):
                self.process.join(max(0.1, deadline - time.monotonic()))
                return not self.process.is_alive()
        return False

    def drain(self) -> None:
        """Hear what it said last."""
        with suppress(EOFError, ConnectionResetError):
            while self.pipe.poll():
                self.said.append(self.pipe.recv())

    def kill(self) -> None:
        """End it by SIGKILL and wait until it is gone."""
        self.process.kill()
        self.process.join()

    @property
    def failures(self) -> list[str]:
        """What it could not do."""
        return [word.partition(" ")[2] for word in self.said if word.startswith(FAILED)]

    @property
    def was_killed(self) -> bool:
        """Whether it ended by SIGKILL."""
        return bool(self.process.exitcode == -signal.SIGKILL)


def start(work: Callable[..., None], *given: Any) -> Client:
    """Run `work(*given, pipe)` in a process of its own."""
    ours, theirs = _CONTEXT.Pipe(duplex=False)
    process = _CONTEXT.Process(target=work, args=(*given, theirs), daemon=True)
    process.start()
    theirs.close()
    return Client(process, ours)


def work(task: Task, pipe: Pipe) -> None:
    """Recover, then do what the task says; without a gap, until somebody kills this process."""
    try:
        with Connection(task.house.workspace) as connection:
            _work(task, connection, pipe)
    except Exception as error:
        pipe.send(f"{FAILED} {type(error).__name__}: {str(error)[:500]}")


def _work(task: Task, connection: Connection, pipe: Pipe) -> None:
    house, random = task.house, random_of(task.seed)
    connection.session()
    pipe.send(HERE)
    if task.gap is not None and task.action == "recover":
        kill_at(task.gap)
    for mode in task.first:
        house.recovered(connection, mode)
    pipe.send(WORKS)
    if task.gap is not None and task.action != "recover":
        _until_the_gap(house, connection, task)
    while task.gap is None and task.modes:
        mode = random.choice(task.modes)
        if house.can_mend(mode) and random.random() < 0.7:
            house.mend(connection, mode)
        else:
            house.following(connection, mode)
        pipe.send(DONE)


def _until_the_gap(house: House, connection: Connection, task: Task) -> None:
    assert task.gap is not None
    mode = task.modes[0]
    if task.action == "replay":
        while not house.can_mend(mode):
            house.following(connection, mode)
        kill_at(task.gap)
        house.mend(connection, mode)
    else:
        # What is replayed and acknowledged must stand after the kill, too.
        if house.can_mend(mode):
            house.mend(connection, mode)
        house.source(mode).advance()
        kill_at(task.gap)
        house.retry(connection, mode)
