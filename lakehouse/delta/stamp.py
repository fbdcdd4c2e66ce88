"""The stamp of a commit: what it says of itself, and the key that keeps it from happening twice."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lakehouse.delta.note import Note

if TYPE_CHECKING:
    from deltalake import DeltaTable


@dataclass(frozen=True)
class Stamp:
    """What a commit says of itself, and the key that keeps it from happening twice.

    Args:
        app: Transaction application, one per table that is written; None for a commit that may come twice.
        sequence: Rises by one with each publish.
        note: What the commit says of itself.
    """

    app: str | None
    sequence: int
    note: Note

    @property
    def text(self) -> str:
        """The note as `userMetadata`."""
        return self.note.text


def is_done(table: "DeltaTable", stamp: Stamp) -> bool:
    """Whether a commit with this stamp is in the table already."""
    done = table.transaction_version(stamp.app) if stamp.app else None
    return done is not None and done >= stamp.sequence
