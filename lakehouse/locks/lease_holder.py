"""Who holds an epoch, as its file says it, and whether that process can still be there."""

import json
import os
import socket
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from getpass import getuser
from pathlib import Path

from lakehouse.locks.process_identity import machine, runs


@dataclass(frozen=True)
class Holder:
    """The one committer of a warehouse.

    Args:
        home: Its workspace.
        user: Its user.
        host: Its host's name, for people.
        machine: What its pids belong to: host, boot and pid namespace.
        pids: Processes that stand for it: its keeper and what starts that again.
        since: When it took the lease, UTC, ISO 8601; for people, never compared.
        heartbeat_seconds: How often its beat changes.
        beat: Counts up while it lives. That it changes is the sign of life.
        seen: Wall time of the last beat, UTC, ISO 8601; for people, never compared.
        is_released: It gave the lease back.
    """

    home: str
    user: str
    host: str
    machine: str
    pids: tuple[int, ...]
    since: str
    heartbeat_seconds: float
    beat: int = 0
    seen: str = ""
    is_released: bool = False

    def __str__(self) -> str:
        """Words for people."""
        pid = f"pid {self.pids[0]}, " if self.pids else ""
        return f"{self.user}@{self.host} ({pid}workspace {self.home}, since {self.since})"

    def alive(self, pids: tuple[int, ...] | None = None) -> "Holder":
        """The same, one beat later."""
        return replace(self, beat=self.beat + 1, seen=now(), pids=self.pids if pids is None else pids)

    def to_json(self) -> bytes:
        """As its file holds it."""
        return json.dumps(asdict(self), indent=1).encode()

    @classmethod
    def from_json(cls, body: bytes | None) -> "Holder | None":
        """From its file; None where that is not there, empty or torn."""
        try:
            fields = json.loads(body or b"")
            return cls(**{**fields, "pids": tuple(fields["pids"])})
        except (ValueError, TypeError, KeyError):
            return None

    @classmethod
    def here(cls, home: Path, *, heartbeat_seconds: float, pids: tuple[int, ...] = ()) -> "Holder":
        """This process, or `pids` of this machine, for a workspace."""
        stamp = now()
        return cls(
            home=str(home),
            user=getuser(),
            host=socket.gethostname(),
            machine=machine(),
            pids=pids or (os.getpid(),),
            since=stamp,
            heartbeat_seconds=heartbeat_seconds,
            seen=stamp,
        )

    @property
    def is_gone(self) -> bool:
        """Whether its processes are known to have ended. A pid that another process has now counts as not known."""
        return self.machine == machine() and not any(map(runs, self.pids))


def now() -> str:
    """The wall time, for people."""
    return datetime.now(UTC).isoformat(timespec="seconds")
