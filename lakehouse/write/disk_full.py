"""A full disk: said in the house's words, with the table, the state that it was left in and what comes next."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from lakehouse.delta.history import version_of
from lakehouse.errors import StorageFullError
from lakehouse.workspace import Workspace
from lakehouse.write.intent import open_intent

# What libc says of ENOSPC and EDQUOT; Spark and delta-rs hand on these words alone.
_WORDS = ("No space left on device", "Disk quota exceeded")


def is_full(error: BaseException) -> bool:
    """Whether the storage had no room left."""
    return getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT) or any(word in str(error) for word in _WORDS)


@contextmanager
def full_storage_named(workspace: Workspace, name: str) -> Iterator[None]:
    """Turn a full disk into an error that says what became of the run.

    Args:
        workspace: The workspace.
        name: `layer.entities`.

    Raises:
        StorageFullError: there was no room.
    """
    try:
        yield
    except Exception as error:
        if isinstance(error, StorageFullError) or not is_full(error):
            raise
        is_decided = open_intent(workspace, name) is not None
        version = version_of(workspace, name)
        raise StorageFullError(name, workspace.warehouse, version, is_decided=is_decided) from error
