"""Who may reach what a workspace keeps: its owner alone, or a group that a setting names.

The folder is the wall: nobody else can enter it. What is made in it has the same rights whatever the umask of its maker
is, because the folder hands them down: its default ACL takes the place of the umask, for every process and library. A
disk without ACLs has the wall, and the umask that servers and commands of this library work under.
"""

import os
import shlex
import stat
import struct
import sys
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from lakehouse.errors import ServiceError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator

_PRIVATE, _SHARED = 0o700, 0o2770
_OTHERS, _WRITERS = 0o077, 0o022
# Readable by its owner alone in a shared workspace as well: it has the tokens.
OWNERS_OWN = "supervisor"

_DEFAULT_ACL = "system.posix_acl_default"
# Of Linux' own form of an ACL (include/uapi/linux/posix_acl_xattr.h): its version, the tags of the owner, the group and
# all others, and the id that these three do not have.
_VERSION, _USER, _GROUP, _OTHER, _NO_ID = 2, 0x01, 0x04, 0x20, 0xFFFFFFFF

_ELSEWHERE = "Set LAKEHOUSE_HOME, LAKEHOUSE_WAREHOUSE or LAKEHOUSE_CACHE to a folder of your own."

_umask_before: int | None = None


def umask_of(group: str | None) -> int:
    """The umask for processes that work in a workspace of this group, or of nobody else if it is None."""
    return 0o007 if group else 0o077


@contextmanager
def privately() -> "Iterator[None]":
    """Make no file that others can read, in this process. For those that are this library's, such as its command."""
    global _umask_before  # noqa: PLW0603 - the umask is the process's too
    before = _umask_before = os.umask(umask_of(None))
    try:
        yield
    finally:
        _umask_before = None
        os.umask(before)


@contextmanager
def users_own() -> "Iterator[None]":
    """Make files as the user does who called the command: those of the user's own project."""
    if _umask_before is None:
        yield
        return
    ours = os.umask(_umask_before)
    try:
        yield
    finally:
        os.umask(ours)


def close(folder: Path, group: str | None) -> None:
    """Make a folder that its owner, or this group, alone can enter, or close one that is there to all others.

    Args:
        folder: Of a workspace or a warehouse.
        group: Name of a group of the system; None for the owner alone.

    Raises:
        SettingsError: there is no such group, or this process is not in it.
        ServiceError: the folder is another user's, one that all users share, or on a disk that keeps no rights.
    """
    group_id = None if group is None else _id_of(group)
    mode = _PRIVATE if group_id is None else _SHARED
    _make(folder)
    before = folder.stat()
    if before.st_mode & stat.S_ISVTX or folder == Path(folder.anchor):
        raise ServiceError(f"{folder} is shared by all users and cannot be closed to them. {_ELSEWHERE}")
    if not _is_closed(before, group_id):
        if group is not None:
            _need_shared_content(folder, group)
        try:
            os.chown(folder, -1, -1 if group_id is None else group_id)
            folder.chmod(mode)
        except PermissionError as error:
            raise _is_anothers(folder) from error
        if not _is_closed(folder.stat(), group_id):
            raise ServiceError(f"{folder} stays open to others: its disk keeps no rights of users. {_ELSEWHERE}")
    elif group_id is None and before.st_uid != os.geteuid() != 0:
        raise _is_anothers(folder)
    _hand_down(folder, is_shared=group_id is not None)
    if group is not None and _umask_before is not None:
        os.umask(umask_of(group))


def close_cache(folder: Path) -> None:
    """See that what servers are made of, such as jars, cannot be written by others. A folder of ours is closed to them.

    Raises:
        ServiceError: it is another user's and can be written by others, or one that all users share.
    """
    _make(folder)
    told = folder.stat()
    if told.st_uid == os.geteuid():
        close(folder, None)
    elif told.st_mode & _WRITERS:
        raise ServiceError(
            f"{folder} can be written by others, who could put programs of their own in it. Nothing was done. "
            f"Set LAKEHOUSE_CACHE to a folder of your own."
        )


def _is_anothers(folder: Path) -> ServiceError:
    return ServiceError(
        f"{folder} is another user's. Nothing was done. Work as its owner, or in a workspace of your own "
        f"(LAKEHOUSE_HOME). If it was made for a group that you are in, name it by LAKEHOUSE_GROUP."
    )


def _id_of(group: str) -> int:
    import grp

    try:
        group_id = grp.getgrnam(group).gr_gid
    except KeyError:
        raise SettingsError(
            f"LAKEHOUSE_GROUP names the group {group!a}, which this machine does not have. Have it made (`groupadd`), "
            f"name one of your own (`id -Gn` lists them), or unset the variable to keep the workspace to yourself."
        ) from None
    if group_id not in {os.getegid(), *os.getgroups()}:
        raise SettingsError(
            f"LAKEHOUSE_GROUP names the group {group!a}, which you are not in. Have yourself added (`usermod -aG`) and "
            f"log in anew, name one of your own (`id -Gn` lists them), or unset the variable."
        )
    return group_id


def _make(folder: Path) -> None:
    """Make a folder and those above it. Others can write none of them: who can may put another folder in its place."""
    missing = [one for one in (folder, *folder.parents) if not one.exists()]
    for parent in reversed(missing[1:]):
        parent.mkdir(mode=0o755, exist_ok=True)
    folder.mkdir(mode=_PRIVATE, exist_ok=True)


def _is_closed(told: os.stat_result, group_id: int | None) -> bool:
    if group_id is None:
        return not told.st_mode & _OTHERS
    return stat.S_IMODE(told.st_mode) == _SHARED and told.st_gid == group_id


def _need_shared_content(folder: Path, group: str) -> None:
    """A folder is opened to a group if what is in it already is the group's: opening it alone would give a torso.

    Raises:
        ServiceError: a folder in it is not.
    """
    for child in folder.iterdir():
        if child.name != OWNERS_OWN and child.is_dir() and not stat.S_IMODE(child.stat().st_mode) & stat.S_ISGID:
            place, secrets = shlex.quote(str(folder)), shlex.quote(str(folder / OWNERS_OWN))
            raise ServiceError(
                f"{folder} was made for its owner alone, and LAKEHOUSE_GROUP is {group!a}. Name a new folder, or "
                f"share what is there, with nothing up:\n  rm -rf {secrets}\n  chgrp -R {shlex.quote(group)} {place}\n"
                f"  chmod -R g+rwX,o= {place}\n  find {place} -type d -exec chmod g+s {{}} +"
            )


def _hand_down(folder: Path, *, is_shared: bool) -> None:
    """Let what is made in a folder have its rights. Without effect where the disk has no ACLs, or another owns it."""
    if sys.platform != "linux":
        return
    rights = ((_USER, 7), (_GROUP, 7 if is_shared else 0), (_OTHER, 0))
    acl = struct.pack("<I", _VERSION) + b"".join(struct.pack("<HHI", tag, right, _NO_ID) for tag, right in rights)
    with suppress(OSError):
        os.setxattr(folder, _DEFAULT_ACL, acl)
