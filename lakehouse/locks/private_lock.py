"""A lock file that no other user can open: who can open one, if only to read it, can hold it for ever."""

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from filelock import BaseFileLock

_FOLDER_MODE, _FILE_MODE = 0o700, 0o600
# In a workspace that a group shares its members hold the locks of tables against each other.
SHARED_MODE = 0o660


def private_lock(
    file: Path, *, timeout: float = -1, poll_interval: float = 0.05, mode: int = _FILE_MODE
) -> "BaseFileLock":
    """The lock of a file that its owner alone can open; a file of an earlier release is closed to others first.

    Args:
        file: It is made if it is not there.
        timeout: For how many seconds who acquires it waits; -1 for ever.
        poll_interval: How often it is looked at meanwhile, in seconds.
        mode: `SHARED_MODE` for one that the group of its folder may hold too.

    Raises:
        OSError: the file is another user's, or cannot be made.
    """
    from filelock import FileLock

    file.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(file, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
    try:
        if stat.S_IMODE(os.fstat(handle).st_mode) != mode:
            os.fchmod(handle, mode)
    finally:
        os.close(handle)
    return FileLock(file, timeout=timeout, mode=mode, poll_interval=poll_interval)


def private_folder(folder: Path) -> Path:
    """A folder that its owner alone can enter, made or closed to others.

    Raises:
        OSError: the folder is another user's, or cannot be made.
    """
    folder.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
    if stat.S_IMODE(folder.stat().st_mode) != _FOLDER_MODE:
        folder.chmod(_FOLDER_MODE)
    return folder
