"""The ledger: what the door has acknowledged, on disk before anything else happens."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Entry:
    """One line.

    Args:
        what: "batch" (up to this number all are in), "replay" (the fixed rows of up to this batch wait no more) or
            "wrong" (a table is not what it must be).
        mode: Whose table.
        number: The batch.
        odd: For a replay: which ids, the even or the odd ones.
        text: For people.
    """

    what: str
    mode: str
    number: int = 0
    odd: int = 0
    text: str = ""


class Ledger:
    """An append-only file."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def add(self, entry: Entry) -> None:
        """Write a line; it is on disk when this returns."""
        handle = os.open(self.file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(handle, json.dumps(asdict(entry)).encode() + b"\n")
            os.fsync(handle)
        finally:
            os.close(handle)

    def entries(self, mode: str | None = None) -> list[Entry]:
        """All lines, or those of a mode, in their order."""
        lines = self.file.read_text().splitlines() if self.file.exists() else []
        listed = [Entry(**json.loads(line)) for line in lines]
        return [entry for entry in listed if mode is None or entry.mode == mode]

    def acknowledged(self, mode: str) -> int:
        """The last acknowledged batch."""
        return max((entry.number for entry in self.entries(mode) if entry.what == "batch"), default=0)
