"""Files beside the tables, by path or URI: the one seam to the file system or object store (Arrow's file systems)."""

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

if TYPE_CHECKING:
    from pathlib import Path

    from pyarrow.fs import FileSystem

PRIVATE_MODE = 0o600
_PATTERN = re.compile(r"[{}\[\]*?\\]")


@dataclass(frozen=True)
class File:
    """One file: its path in its store, its path below the folder that was listed, bytes, modification time (ms)."""

    path: str
    relative: str
    size: int
    modified_ms: int


def locate(uri: str) -> "tuple[FileSystem, str]":
    """The file system of `uri` and the path in it."""
    from pyarrow.fs import FileSystem, LocalFileSystem

    if "://" not in uri:
        return LocalFileSystem(), uri
    if uri.startswith("file:///"):
        # delta-rs writes brackets and more as they are, which Arrow refuses in a URI.
        return LocalFileSystem(), unquote(uri.removeprefix("file://")).rstrip("/")
    store, path = FileSystem.from_uri(uri)
    return store, path


def local_folder(uri: str) -> "Path | None":
    """The folder that a path or `file://` URI names; None if it is in an object store."""
    from pathlib import Path

    path = uri.removeprefix("file://")
    return None if "://" in path else Path(path)


def no_pattern(path: str) -> str:
    """A path for Spark's readers, which take some characters of it as a pattern: each stands for itself.

    Outside: Spark's `SparkHadoopUtil.isGlobPath` has the characters, Hadoop's `GlobPattern` the backslash.
    """
    return _PATTERN.sub(r"\\\g<0>", path)


def list_files(uri: str, suffix: str = "") -> list[File]:
    """All files below `uri` that end in `suffix`, sorted by path; an empty list where the folder is missing."""
    from pyarrow.fs import FileSelector, FileType

    store, root = locate(uri)
    infos = store.get_file_info(FileSelector(root, recursive=True, allow_not_found=True))
    return sorted(
        (
            File(info.path, info.path[len(root) :].lstrip("/"), info.size, info.mtime_ns // 1_000_000)
            for info in infos
            if info.type == FileType.File and info.path.endswith(suffix)
        ),
        key=lambda file: file.path,
    )


def read_json(uri: str) -> Any | None:
    """The JSON in a file, or None where there is no such file."""
    store, path = locate(uri)
    try:
        with store.open_input_stream(path) as stream:
            return json.loads(stream.read())
    except FileNotFoundError:
        return None


def write_json(uri: str, value: Any) -> None:
    """Write JSON in one step: a reader sees the old file or the new one, and it is on disk before this returns."""
    import os
    from contextlib import suppress

    store, path = locate(uri)
    body = json.dumps(value, indent=1).encode()
    store.create_dir(path.rpartition("/")[0], recursive=True)
    if "://" in uri:
        with store.open_output_stream(path) as stream:
            stream.write(body)
        return
    draft = f"{path}.{os.getpid()}.tmp"
    try:
        with open(draft, "wb") as file:
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, path)
    except OSError:
        with suppress(FileNotFoundError):
            os.unlink(draft)
        raise


def write_private_json(file: "Path", value: Any, mode: int = PRIVATE_MODE) -> None:
    """Write JSON that its owner alone may read, unless another mode is given, in one step."""
    write_private(file, json.dumps(value, indent=1), mode)


def write_private(file: "Path", text: str, mode: int = PRIVATE_MODE) -> None:
    """Write what its owner alone may read, unless another mode is given, in one step."""
    import os

    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f"{file.name}.{os.getpid()}.tmp")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w") as stream:
        stream.write(text)
    draft.replace(file)


def delete_file(uri: str) -> None:
    """Delete a file; nothing happens where it is gone already."""
    from contextlib import suppress

    store, path = locate(uri)
    with suppress(FileNotFoundError):
        store.delete_file(path)


def delete_folder(uri: str) -> None:
    """Delete a folder and all below it; nothing happens where it is gone already."""
    from contextlib import suppress

    store, path = locate(uri)
    with suppress(FileNotFoundError):
        store.delete_dir(path)


def sync(folder: str, name: str) -> None:
    """See that a file and its entry in a local folder outlive a power cut; object stores do so by themselves."""
    import os
    from contextlib import suppress

    if "://" in folder:
        return
    for path in (f"{folder}/{name}", folder):
        with suppress(FileNotFoundError):
            handle = os.open(path, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
