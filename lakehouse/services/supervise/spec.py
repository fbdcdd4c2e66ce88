"""What a service is, before it runs: a frozen description that pure functions make and the supervisor starts."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Address:
    """Where a service listens on loopback, and the token it asks for, if it asks for one."""

    port: int
    token: str | None = field(default=None, repr=False)

    def given(self) -> dict[str, Any]:
        """What there is of it, for JSON."""
        return {name: value for name, value in asdict(self).items() if value is not None}


@dataclass(frozen=True)
class ServiceSpec:
    """One process: what to run, where, and with which additions to the environment.

    Args:
        name: Its name in `status`, `logs` and `services.json`.
        command: Program and arguments; never a secret, other users can read it.
        folder: Where it runs; made if it is not there.
        env: Added to the environment; may hold secrets.
        files: Configuration to write before the start, by path.
        lease: File of the epoch without which it must not start; empty where it needs none.
    """

    name: str
    command: tuple[str, ...]
    folder: Path
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    files: Mapping[Path, str] = field(default_factory=dict, repr=False)
    lease: str = ""

    def write_files(self) -> None:
        """Make its folder and write its configuration."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for path, text in self.files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def launch(self) -> dict[str, Any]:
        """What the launcher needs, for JSON."""
        plain = asdict(self)
        return {key: plain[key] for key in ("name", "command", "env", "lease")} | {"folder": str(self.folder)}
