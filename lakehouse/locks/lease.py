"""Taking, keeping and giving back a lease. Staleness is seen by one's own monotonic clock alone."""

import re
import time
from collections.abc import Callable
from dataclasses import replace

from lakehouse.errors import WorkspaceBusyError
from lakehouse.locks.lease_holder import Holder
from lakehouse.locks.lease_store import LeaseStore

# Older epochs stay for people who look into the past.
_KEPT = 20
_POLL_SECONDS = 0.2


def epochs(store: LeaseStore) -> list[int]:
    """All epochs, in order."""
    return sorted(int(match[1]) for match in (re.fullmatch(r"(\d+)\.json", name) for name in store.list()) if match)


def highest(store: LeaseStore) -> int | None:
    """The epoch that has the turn; None where nobody ever had it. One listing."""
    return max(epochs(store), default=None)


def holder_of(store: LeaseStore, epoch: int) -> Holder | None:
    """Who created an epoch; None where its file is gone or torn."""
    return Holder.from_json(store.read(_name(epoch)))


def acquire(store: LeaseStore, me: Holder, *, ttl_seconds: float, say: Callable[[str], object]) -> int:
    """Take the next epoch, if the present holder gave it back, is gone, or gives no sign of life.

    Args:
        store: The warehouse's.
        me: Who takes it.
        ttl_seconds: For how long a holder may give no sign.
        say: Told once, when there is somebody to watch.

    Raises:
        WorkspaceBusyError: the holder lives.
    """
    while True:
        there = epochs(store)
        last = there[-1] if there else 0
        if last and not _may_be_taken(store, last, ttl_seconds, say):
            continue  # a rival was first: look at that one
        if store.create(_name(last + 1), me.to_json()) and highest(store) == last + 1:
            for old in there[:-_KEPT]:
                store.remove(_name(old))
            return last + 1


def beat(store: LeaseStore, epoch: int, me: Holder) -> bool:
    """Give a sign of life; False, and none given, where the epoch has not the turn any more."""
    if highest(store) != epoch:
        return False
    store.replace(_name(epoch), me.to_json())
    return highest(store) == epoch


def release(store: LeaseStore, epoch: int) -> None:
    """Give the lease back; nothing happens where another has the turn already."""
    mine = holder_of(store, epoch)
    if mine is not None and highest(store) == epoch:
        store.replace(_name(epoch), replace(mine, is_released=True).to_json())


def _may_be_taken(store: LeaseStore, epoch: int, ttl_seconds: float, say: Callable[[str], object]) -> bool:
    """Whether the holder of the highest epoch has left; False where a higher one came meanwhile.

    Raises:
        WorkspaceBusyError: it lives.
    """
    first = holder_of(store, epoch)
    if first is not None and (first.is_released or first.is_gone):
        return True
    patience = max(ttl_seconds, 3 * first.heartbeat_seconds) if first else ttl_seconds
    say(f"the warehouse is held by {first or 'an unknown process'}; watching it for up to {patience:.0f} s")
    watched, last = 0.0, time.monotonic()
    while watched < patience:
        time.sleep(_POLL_SECONDS)  # a file gives no sign when it changes
        passed, last = time.monotonic() - last, time.monotonic()
        watched += min(passed, 2 * _POLL_SECONDS)  # a pause of one's own is no time of watching
        if highest(store) != epoch:
            return False
        present = holder_of(store, epoch)
        if present is not None and present.is_released:
            return True
        if present is not None and (first is None or present.beat != first.beat):
            raise WorkspaceBusyError(_busy(present))
    return True


def _busy(holder: Holder) -> str:
    return (
        f"the warehouse has one committer, and that is {holder}. Nothing was started.\n"
        f"Run `LAKEHOUSE_HOME={holder.home} lakehouse down` there first, or work on its server "
        f"(LAKEHOUSE_SPARK__REMOTE and LAKEHOUSE_METASTORE__URI), or on a warehouse of your own (LAKEHOUSE_WAREHOUSE)."
    )


def _name(epoch: int) -> str:
    return f"{epoch}.json"
