"""One committer per warehouse: whose turn it is, in epochs that only one can create. The highest epoch has the turn."""

from lakehouse.lease.ask import check
from lakehouse.lease.holder import Holder
from lakehouse.lease.store import DiskStore, LeaseStore, store_of
from lakehouse.lease.turn import acquire, beat, epochs, highest, holder_of, release

__all__ = [
    "DiskStore",
    "Holder",
    "LeaseStore",
    "acquire",
    "beat",
    "check",
    "epochs",
    "highest",
    "holder_of",
    "release",
    "store_of",
]
