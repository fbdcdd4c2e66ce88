"""Who may write: the lock of a table, the lock of a workspace, and one committer per warehouse by lease."""

from lakehouse.locks.lease import acquire, beat, epochs, highest, holder_of, release
from lakehouse.locks.lease_check import check_lease
from lakehouse.locks.lease_holder import Holder
from lakehouse.locks.lease_store import DiskStore, LeaseStore, store_of

__all__ = [
    "DiskStore",
    "Holder",
    "LeaseStore",
    "acquire",
    "beat",
    "check_lease",
    "epochs",
    "highest",
    "holder_of",
    "release",
    "store_of",
]
