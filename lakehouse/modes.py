"""How a batch becomes a version: the write modes, as frozen values. What they do is in `lakehouse/write/`."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Append:
    """Add the batch to what is there."""


@dataclass(frozen=True)
class Overwrite:
    """Replace everything by the batch, in one commit."""


@dataclass(frozen=True)
class Merge:
    """One row per key: insert new keys, update known ones.

    Args:
        on: Key columns. Null keys are refused.
        sequence: Columns that order the changes of one key, most significant first. The highest wins, within a batch
            and against the table: an older change never overwrites a newer one. Empty: the batch wins, and two rows
            of one key in a batch are an error.
    """

    on: tuple[str, ...]
    sequence: tuple[str, ...] = ()


WriteMode = Append | Overwrite | Merge
