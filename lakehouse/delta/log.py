"""The files of a Delta log, as they lie there. Read without any server, and without delta-rs: it skips what is broken.

The format: https://github.com/delta-io/delta/blob/master/PROTOCOL.md
"""

import json
import re
from dataclasses import dataclass
from typing import Any

from lakehouse.storage import File, list_files, locate

FOLDER = "_delta_log"
_COMMIT = re.compile(r"(\d{20})\.json")
# Hadoop's checksum of a commit, Delta's checksum of a version, several commits in one file.
_BESIDE = re.compile(r"\.?(?:\d{20}\.)?(\d{20})\.(?:json\.crc|crc|compacted\.json)")
_CHECKPOINT = re.compile(r"(\d{20})\.checkpoint(?:\.(\d{10})\.(\d{10}))?(?:\.[0-9a-f-]{36})?\.(?:parquet|json)")


@dataclass(frozen=True)
class Log:
    """What a log's folder holds.

    Args:
        root: URI of the table.
        commits: The commit files by version.
        checkpoints: The files of each complete checkpoint by version.
        beside: Files that are written after a commit, by version: checksums, compactions, parts of a checkpoint.
    """

    root: str
    commits: dict[int, File]
    checkpoints: dict[int, tuple[File, ...]]
    beside: dict[int, tuple[File, ...]]

    @property
    def is_empty(self) -> bool:
        """Whether there is no table."""
        return not (self.commits or self.checkpoints or self.beside)

    @property
    def checkpoint(self) -> int:
        """Version of the last complete checkpoint, -1 where there is none."""
        return max(self.checkpoints, default=-1)

    @property
    def latest(self) -> int | None:
        """The newest version that has a commit file or a complete checkpoint; None if there is neither."""
        return max([*self.commits, *self.checkpoints], default=None)

    @property
    def since_checkpoint(self) -> list[int]:
        """Versions of the commit files after the last checkpoint, in order."""
        return sorted(version for version in self.commits if version > self.checkpoint)

    def read(self, version: int) -> list[dict[str, Any]]:
        """The actions of a commit.

        Raises:
            ValueError: a line is no JSON object.
        """
        return read_actions(self.root, self.commits[version].path)


def read_actions(root: str, path: str) -> list[dict[str, Any]]:
    """The actions in a file of JSON lines.

    Raises:
        ValueError: a line is no JSON object.
    """
    store, _ = locate(root)
    with store.open_input_stream(path) as stream:
        lines = stream.read().decode().splitlines()
    actions = [json.loads(line) for line in lines if line.strip()]
    if not all(isinstance(action, dict) for action in actions):
        raise ValueError("a line is no JSON object")
    return actions


def log_of(root: str) -> Log:
    """The log of the table at `root`; empty where there is none."""
    commits: dict[int, File] = {}
    beside: dict[int, list[File]] = {}
    parts: dict[int, list[tuple[File, int]]] = {}
    for file in list_files(f"{root}/{FOLDER}"):
        if match := _COMMIT.fullmatch(file.relative):
            commits[int(match[1])] = file
        elif match := _CHECKPOINT.fullmatch(file.relative):
            parts.setdefault(int(match[1]), []).append((file, int(match[3] or 1)))
        elif match := _BESIDE.fullmatch(file.relative):
            beside.setdefault(int(match[1]), []).append(file)
    complete = {
        version: tuple(file for file, _ in files)
        for version, files in parts.items()
        if any(part_count == 1 for _, part_count in files) or len(files) == files[0][1]
    }
    for version in parts.keys() - complete.keys():
        beside.setdefault(version, []).extend(file for file, _ in parts[version])
    return Log(root, commits, complete, {version: tuple(files) for version, files in beside.items()})
