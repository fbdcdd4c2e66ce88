"""Whether a workspace may still commit: what the door asks before and after each commit."""

from lakehouse.errors import FencedError
from lakehouse.locks.lease import highest, holder_of
from lakehouse.locks.lease_store import store_of
from lakehouse.workspace import Workspace


def check_lease(workspace: Workspace) -> None:
    """Pass where this workspace's own server has the turn. One small file and one listing; no clock, no server.

    A workspace that uses somebody else's server checks nothing: that one's lease is not its own.

    Raises:
        FencedError: another has taken the warehouse; the message names it.
    """
    if workspace.settings.spark.remote:
        return
    ours = workspace.services().get("lease", {}).get("epoch")
    store = store_of(workspace.warehouse)
    if ours is None or store is None:
        return
    now = highest(store)
    if now != ours:
        raise FencedError(str(workspace.home), workspace.warehouse, holder_of(store, now) if now else None)
