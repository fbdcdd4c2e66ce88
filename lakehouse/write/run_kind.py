"""What a run is: one of four kinds, which goes from the plan of a run to its publish."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Fresh:
    """What the inputs have that is new, or all that they have, for the table as a whole."""


@dataclass(frozen=True)
class Rebuilt:
    """All of the inputs, read again.

    Args:
        replaces: The rows stand in place of all that the table has, whatever its write mode. Otherwise they come to it
            as its mode says: a history keeps states that its inputs do not have any more.
    """

    replaces: bool = True


@dataclass(frozen=True)
class ForPartitions:
    """Some partitions of the table, each made, judged and replaced by itself.

    Args:
        made_from: What each partition is made from, by key: digest of the code, and the part of each input's position.
    """

    made_from: Mapping[str, Any]

    @property
    def keys(self) -> tuple[str, ...]:
        """The partitions."""
        return tuple(self.made_from)

    def without(self, keys: Collection[str]) -> "ForPartitions":
        """The same run without some partitions."""
        return ForPartitions({key: made for key, made in self.made_from.items() if key not in keys})


@dataclass(frozen=True)
class Replayed:
    """Rows that waited in quarantine: they are added to what the table has.

    Args:
        quarantine_version: Version of the quarantine in which they waited.
    """

    quarantine_version: int


def is_rebuild(kind: "RunKind") -> bool:
    """Whether the rows of a run stand in place of all that the table has."""
    return isinstance(kind, Rebuilt) and kind.replaces


RunKind = Fresh | Rebuilt | ForPartitions | Replayed
