"""The tables that were dropped and can be brought back: where they are kept, and the record of each drop.

`<warehouse>/_dropped/<layer.entities>/<id>/` has `drop.json`, and beside it all that was stored of the table, each at
the place that it had below the warehouse. The catalogue has no name for it, and no reader looks there.
"""

from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from lakehouse.declare.table import INTERNAL_LAYERS, LAYERS
from lakehouse.storage import read_json, write_json
from lakehouse.workspace import Workspace

FOLDER = "_dropped"
_RECORD = "drop.json"
# What a record says while its steps are done; a crash leaves it so.
State = Literal["dropping", "dropped", "restoring", "purging"]


@dataclass(frozen=True)
class Dropped:
    """A table that was dropped.

    Args:
        table: `layer.entities`.
        id: Of the drop; the later of two is the greater.
        dropped_at: UTC, ISO.
        who: Account and host.
        state: `dropped`, or what was begun and is not finished.
        places: What was stored of it, below the warehouse; the table's own folder is the first.
        version: Delta's, at the drop; None if only the catalogue knew the table.
        rows: Rows at the drop; None if the log did not say.
        bytes: All that was moved.
        quarantined: Rows of its quarantine, by state.
    """

    table: str
    id: str
    dropped_at: str
    who: str
    state: State
    places: tuple[str, ...]
    version: int | None = None
    rows: int | None = None
    bytes: int = 0
    quarantined: dict[str, int] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The record as plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "Dropped":
        """What `to_json` gave."""
        known = {name: value for name, value in values.items() if name in cls.__dataclass_fields__}
        return cls(**{**known, "places": tuple(values["places"])})

    @property
    def tables(self) -> tuple[str, ...]:
        """The tables among its places, as the catalogue names them."""
        parts = [place.split("/") for place in self.places]
        return tuple(".".join(part) for part in parts if part[0] in LAYERS + INTERNAL_LAYERS)

    def __str__(self) -> str:
        return f"{self.table}, dropped {self.dropped_at} by {self.who} (id {self.id})"


def folder_of(root: Path, drop: Dropped) -> Path:
    """Where all of one drop is kept."""
    return root / FOLDER / drop.table / drop.id


def save(root: Path, drop: Dropped, state: State) -> Dropped:
    """Write what a drop is about to be or has become; it is on disk when this returns."""
    drop = replace(drop, state=state)
    write_json(str(folder_of(root, drop) / _RECORD), drop.to_json())
    return drop


def forget(root: Path, drop: Dropped) -> None:
    """Take the record away, of which nothing is kept any more."""
    (folder_of(root, drop) / _RECORD).unlink(missing_ok=True)


def dropped(workspace: Workspace, name: str = "*") -> list[Dropped]:
    """The drops that there are records of, the newest of a table first; those of one table if it is named."""
    root = workspace.local_warehouse
    files = [] if root is None else (root / FOLDER).glob(f"{name}/*/{_RECORD}")
    records = [Dropped.from_json(values) for file in files if (values := read_json(str(file))) is not None]
    newest_first = sorted(records, key=lambda drop: drop.id, reverse=True)
    return sorted(newest_first, key=lambda drop: drop.table)


def unfinished(workspace: Workspace, name: str) -> Dropped | None:
    """The drop or the restore of a table that was cut off, if there is one."""
    return next((drop for drop in dropped(workspace, name) if drop.state in ("dropping", "restoring")), None)
