"""Keeps a server's lease: `python -m lakehouse.services.supervise.lease_keeper WAREHOUSE EPOCH HOME HEARTBEAT`.

`lakehouse up` takes the lease; this process gives the signs of life. It never takes a lease: where another has it, it
ends the server that it stood for, says who has it, and ends. The supervisor starts it again only where it was killed.
"""

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from lakehouse.locks.lease import acquire, beat, epochs, highest, holder_of, release
from lakehouse.locks.lease_holder import Holder
from lakehouse.locks.lease_store import LeaseStore, store_of

if TYPE_CHECKING:
    from lakehouse.services.supervise.spec import ServiceSpec
    from lakehouse.workspace import Workspace

NAME = "lease"


def is_needed(warehouse: str) -> bool:
    """Whether the warehouse's store can hold a lease."""
    return store_of(warehouse) is not None


def take(workspace: "Workspace", say: Callable[[str], object]) -> int:
    """Take the lease of the workspace's warehouse for this process; give its epoch.

    Raises:
        WorkspaceBusyError: another server holds it and lives.
    """
    settings = workspace.settings.lease
    me = Holder.here(workspace.home, heartbeat_seconds=settings.heartbeat_seconds)
    return acquire(_store(workspace.warehouse), me, ttl_seconds=settings.ttl_seconds, say=say)


def give_back(workspace: "Workspace", epoch: int | None) -> None:
    """Give a lease back, if the workspace had one. Only when its server has ended."""
    if epoch is not None:
        release(_store(workspace.warehouse), epoch)


def epoch_of(workspace: "Workspace") -> int | None:
    """The epoch that the workspace's server was started under; None where it has none."""
    return workspace.services().get(NAME, {}).get("epoch")


def file_of(workspace: "Workspace", epoch: int) -> str:
    """The file of an epoch."""
    return f"{workspace.warehouse}/_lease/{epoch}.json"


def other_holder(workspace: "Workspace") -> Holder | None:
    """Who holds the warehouse's lease, where that is not this workspace's server."""
    store = store_of(workspace.warehouse)
    epoch = highest(store) if store else None
    if store is None or epoch is None or epoch == epoch_of(workspace):
        return None
    holder = holder_of(store, epoch)
    return None if holder is None or holder.is_released or holder.is_gone else holder


def spec(workspace: "Workspace", epoch: int) -> "ServiceSpec":
    """The keeper of an epoch."""
    from lakehouse.services.supervise.spec import ServiceSpec

    heartbeat = workspace.settings.lease.heartbeat_seconds
    arguments = (workspace.warehouse, str(epoch), str(workspace.home), str(heartbeat))
    return ServiceSpec(
        NAME, (sys.executable, "-m", "lakehouse.services.supervise.lease_keeper", *arguments), workspace.home
    )


def keep(store: LeaseStore, epoch: int, me: Holder) -> Holder | None:
    """Give signs of life until another has the lease; give that one.

    A store that cannot be written or read is tried again at the next beat: whoever can will then take the lease.
    """
    while True:
        try:
            me = me.alive()
            if not beat(store, epoch, me):
                last = highest(store)
                return holder_of(store, last) if last else None
        except OSError as error:
            _say(f"no sign of life could be given: {error}")
        time.sleep(me.heartbeat_seconds)


def fence(home: Path) -> None:
    """End the workspace's server at once, so that it commits nothing more."""
    from lakehouse.services.supervise import orphans, supervisor
    from lakehouse.workspace import current_workspace

    try:
        supervisor.kill(current_workspace(), "spark")
    except OSError as error:
        _say(f"the supervisor does not answer: {error}")
    servers = [
        process
        for process in orphans.started_by(home)
        if any("SparkConnectServer" in word for word in process.cmdline())
    ]
    orphans.end(servers, at_once=True)


def _store(warehouse: str) -> LeaseStore:
    store = store_of(warehouse)
    if store is None:
        raise ValueError(f"{warehouse} cannot hold a lease")
    return store


def _say(message: str) -> None:
    print(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {message}", flush=True)  # the supervisor's log file


def main() -> None:
    """Keep the lease; exit code 0 when it was lost and the server has ended."""
    warehouse, epoch, home, heartbeat = sys.argv[1:]
    store = _store(warehouse)
    pids = (os.getpid(), os.getppid())
    before = holder_of(store, int(epoch))
    me = before or Holder.here(Path(home), heartbeat_seconds=float(heartbeat))
    _say(f"epoch {epoch} of {warehouse}")
    now = keep(store, int(epoch), me.alive(pids))
    _say(f"the lease was lost, epoch {epochs(store)[-1:]} is held by {now}; this workspace's server is ended")
    fence(Path(home))


if __name__ == "__main__":
    main()
