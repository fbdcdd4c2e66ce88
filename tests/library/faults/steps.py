"""The steps of the door, and how a process kills itself exactly between two of them."""

import functools
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

DOOR = "lakehouse.write.door"


@dataclass(frozen=True)
class Gap:
    """A place between two steps: before or after a function, looked up in the module that calls it."""

    module: str
    name: str
    is_after: bool = True

    def __str__(self) -> str:
        return f"{'after' if self.is_after else 'before'} {self.module.rpartition('.')[2]}.{self.name}"


# In the order in which a run passes them.
_FINISH = (
    Gap(DOOR, "save_intent"),
    Gap(DOOR, "prepare_position"),
    Gap(DOOR, "publish"),
    Gap(DOOR, "sync"),
    Gap(DOOR, "record"),
    Gap(DOOR, "close_intent"),
    Gap(DOOR, "forget_positions"),
    Gap(DOOR, "keep_up"),
)
_START = (
    Gap(DOOR, "stage", is_after=False),
    Gap(DOOR, "stage"),
    Gap(DOOR, "decide"),
    Gap("os", "replace", is_after=False),  # the intent's draft is written and not yet in its place
)
ADDED = Gap("lakehouse.write.quarantine", "add")
SETTLED = Gap("lakehouse.write.quarantine", "settle")
MARKED = Gap("lakehouse.write.modes.merge_by_reference", "write_vectors")
REMEMBERED = Gap("lakehouse.write.modes.merge", "remember")
BATCH = (*_START, *_FINISH, ADDED, Gap("lakehouse.runs.run", "write"))
REPLAY = (*_START, *_FINISH, SETTLED, Gap("lakehouse.runs.replay", "_update"), Gap("lakehouse.runs.replay", "write"))
RECOVERY = tuple(gap for gap in _FINISH if gap.name != "save_intent")


# What only merges come to.
OF_MERGES = {"merge": (REMEMBERED, MARKED), "upsert": (MARKED,)}


def kill_at(gap: Gap) -> None:
    """From now on this process ends by SIGKILL when it comes to the gap."""
    at(gap, lambda: os.kill(os.getpid(), signal.SIGKILL))


def at(gap: Gap, act: Callable[[], Any]) -> Callable[[], None]:
    """Do something whenever this process comes to the gap; give what takes that back."""
    module = import_module(gap.module)
    step = getattr(module, gap.name)

    @functools.wraps(step)
    def stopped(*given: Any, **named: Any) -> Any:
        if not gap.is_after:
            act()
        result = step(*given, **named)
        if gap.is_after:
            act()
        return result

    setattr(module, gap.name, stopped)
    return lambda: setattr(module, gap.name, step)
