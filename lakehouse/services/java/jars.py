"""The files that pyspark does not ship: fetched once per user, checked against `digests.json`, shared."""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

from lakehouse.errors import DownloadError
from lakehouse.locks.private_lock import private_lock
from lakehouse.services.java import ivy, progress
from lakehouse.settings import Settings

IVY_XML = Path(__file__).with_name("ivy.xml")
DIGESTS = Path(__file__).with_name("digests.json")


@cache
def expected(use: str) -> dict[str, dict[str, str | int]]:
    """Digest and size of each file of a use (`delta`, `trino`), by file name."""
    uses: dict[str, dict[str, dict[str, str | int]]] = json.loads(DIGESTS.read_text())
    return uses[use]


def fingerprint(use: str) -> str:
    """A short name for exactly these files."""
    return hashlib.sha256(json.dumps(expected(use), sort_keys=True).encode()).hexdigest()[:12]


def folder(settings: Settings, use: str) -> Path:
    """Where the files of a use are kept, whether they are there yet or not."""
    return settings.cache / "jars" / f"{use}-{fingerprint(use)}"


def free_bytes(path: Path) -> int:
    """Room on the disk that holds `path`."""
    return shutil.disk_usage(path).free


def fetch(settings: Settings, use: str, *, free: Callable[[Path], int] = free_bytes) -> Path:
    """The folder with the files of a use; they are fetched if they are not there. Needs no network if they are.

    Raises:
        DownloadError: no room, no network, or a file that is not what it must be; nothing half done is left.
    """
    target = folder(settings, use)
    if complete(target, use):
        return target
    try:
        with private_lock(target.parent / f"{use}.lock"):
            if not complete(target, use):
                _download(settings, use, target=target, free=free)
    except OSError as error:
        raise DownloadError(
            f"the files for `{use}` could not be kept in {target.parent}: {error.strerror or error}. "
            f"Make room or mend the permissions there, or name another cache by LAKEHOUSE_CACHE."
        ) from error
    return target


def complete(target: Path, use: str) -> bool:
    """Whether all files of a use are in the folder `target`.

    Raises:
        DownloadError: one is there but is not what it must be.
    """
    files = expected(use)
    if not all((target / name).is_file() for name in files):
        return False
    for name in files:
        _verify(target / name, use, remedy=f"Delete {target} and run it again: it will be fetched anew")
    return True


def _verify(file: Path, use: str, *, remedy: str) -> None:
    digest = expected(use)[file.name]["sha256"]
    with file.open("rb") as stream:
        got = hashlib.file_digest(stream, "sha256").hexdigest()
    if got != digest:
        raise DownloadError(f"{file.name} is not what it must be: expected SHA-256 {digest}, got {got}. {remedy}.")


def _download(settings: Settings, use: str, *, target: Path, free: Callable[[Path], int]) -> None:
    files = expected(use)
    size = sum(int(entry["bytes"]) for entry in files.values())
    _require_room(target.parent, size, use, free)
    for abandoned in target.parent.glob(f".{use}-*"):
        shutil.rmtree(abandoned)
    draft = Path(tempfile.mkdtemp(prefix=f".{use}-", dir=target.parent))
    try:
        with progress.shown(f"fetching the files for {use}", size) as tell:
            ivy.bring(settings, use=use, module=IVY_XML, into=draft, tell=tell)
        done = draft / "done"
        done.mkdir()
        for name in files:
            file = next((draft / "files").rglob(name), None)
            if file is None:
                raise DownloadError(f"{name} was not among what the repository gave. Check LAKEHOUSE_IVY_SETTINGS.")
            _verify(
                file, use, remedy="Nothing was kept. Run it again; if it stays so, the repository or mirror is wrong"
            )
            file.replace(done / name)
        if target.exists():  # incomplete; a server may read it, so its files stay until all of them are moved at once
            target.replace(draft / "incomplete")
        done.replace(target)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _require_room(folder: Path, size: int, use: str, free: Callable[[Path], int]) -> None:
    there = free(folder)
    if there < size * 1.1:
        raise DownloadError(
            f"{size / 1e6:,.0f} MB are needed in {folder} for `{use}`, {there / 1e6:,.0f} MB are free. "
            f"Free some space, or name another cache by LAKEHOUSE_CACHE. Nothing was fetched."
        )
