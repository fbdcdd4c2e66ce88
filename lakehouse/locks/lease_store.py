"""Where epochs are kept: small files with one property, that of two creators of one name exactly one succeeds."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from lakehouse.storage import local_folder

FOLDER = "_lease"


class LeaseStore(Protocol):
    """What a lease needs of a store. On object storage `create` is a put under the condition `If-None-Match: *`."""

    def create(self, name: str, body: bytes) -> bool:
        """Make a file that is not there yet; False, and nothing done, where it is."""

    def read(self, name: str) -> bytes | None:
        """What a file holds, None where there is none. One that is being made may be read as empty."""

    def list(self) -> list[str]:
        """All names."""

    def replace(self, name: str, body: bytes) -> None:
        """Give a file other content in one step. Its maker alone does."""

    def remove(self, name: str) -> None:
        """Remove a file; nothing happens where there is none."""


class DiskStore:
    """A folder. `O_EXCL` lets one creator through, on a local disk and over NFS 3 and newer."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def create(self, name: str, body: bytes) -> bool:
        """See `LeaseStore`."""
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            with open(self.folder / name, "xb") as file:
                file.write(body)
                file.flush()
                os.fsync(file.fileno())
        except FileExistsError:
            return False
        return True

    def read(self, name: str) -> bytes | None:
        """See `LeaseStore`."""
        try:
            return (self.folder / name).read_bytes()
        except FileNotFoundError:
            return None

    def list(self) -> list[str]:
        """See `LeaseStore`."""
        try:
            return os.listdir(self.folder)
        except FileNotFoundError:
            return []

    def replace(self, name: str, body: bytes) -> None:
        """See `LeaseStore`."""
        draft = self.folder / f".{name}.{os.getpid()}"
        try:
            draft.write_bytes(body)
            draft.replace(self.folder / name)
        finally:
            with suppress(FileNotFoundError):
                draft.unlink()

    def remove(self, name: str) -> None:
        """See `LeaseStore`."""
        with suppress(FileNotFoundError):
            (self.folder / name).unlink()


def store_of(warehouse: str) -> LeaseStore | None:
    """The store of a warehouse's lease; None on object storage, which has none yet."""
    folder = local_folder(warehouse)
    return None if folder is None else DiskStore(folder / FOLDER)
