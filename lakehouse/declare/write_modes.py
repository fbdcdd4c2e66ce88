"""How a batch becomes a version: the write modes, as frozen values. What they do is in `lakehouse/write/modes/`."""

from dataclasses import dataclass

from lakehouse.declare.column import Column


@dataclass(frozen=True)
class Append:
    """Add the batch to what is there."""


@dataclass(frozen=True)
class Overwrite:
    """Replace everything by the batch, in one commit."""


@dataclass(frozen=True)
class ReplacePartitions:
    """Replace exactly the partitions of the run, or where the run names none, those that the batch has rows of.

    The table declares `partitioned_by`. The other partitions keep their files.
    """


@dataclass(frozen=True)
class Merge:
    """One row per key: insert new keys, update known ones.

    Args:
        on: Key columns. Null keys are quarantined.
        sequence: Columns that order the changes of one key, most significant first. The highest wins, within a batch
            and against the table: an older change never overwrites a newer one. Empty: the batch wins, and two rows
            of one key in a batch are an error.
        delete_when: SQL condition on the batch's columns: the row deletes its key. With a sequence, the deletion is
            remembered in `ops.deleted_<layer>_<table>`, so that an older change that comes late does not bring it back.
        signals: Columns that the batch brings for `delete_when` alone (an operation code); they are judged with the
            row, and not stored.
    """

    on: tuple[str, ...]
    sequence: tuple[str, ...] = ()
    delete_when: str = ""
    signals: tuple[Column, ...] = ()


@dataclass(frozen=True)
class Scd2:
    """Every change of a key is a row that holds from its sequence to the next one's (slowly changing dimension 2).

    The table has four columns more than it declares: `_valid_from` and `_valid_to` (the first sequence column of this
    change and of the next; null while it is the last), `_is_current` and `_is_deleted`. A row holds in
    `_valid_from <= t < _valid_to`. A deletion is a row that holds at no time (`_valid_to` equals `_valid_from`), so
    that what comes late still finds its place. The same changes give the same rows in whatever order they came, and of
    two changes of one key with one sequence the greater row wins.

    With `snapshot` a batch is all keys as they are at one moment, and is compared with the last state of each key: a
    state that is the same adds nothing, a key that is missing is deleted at that moment. The key of a rejected row is
    not missing, and stays as it is.

    Args:
        on: Key columns. Null keys are quarantined.
        sequence: Columns that order the changes of one key, from the source and never from a clock of ours. Null
            values are quarantined.
        delete_when: SQL condition on the batch's columns: the change deletes the key.
        signals: Columns that the batch brings for `delete_when` alone; they are judged with the row, and not stored.
        keep_equal_states: Whether a change is a row although nothing but its sequence differs from the change before.
            If not, the row before stands for it and keeps its sequence in one more column, `_same_at`, so that a
            change that comes late between the two still gives two rows.
        snapshot: Whether a batch is all keys as they are. `sequence` is the moment at which they are so: one for all
            rows, and none before the last. A snapshot of the moment of the last one takes its place.
        may_be_empty: Whether a snapshot of which no row passes deletes every key, at the moment when its run began;
            otherwise it is refused.
    """

    on: tuple[str, ...]
    sequence: tuple[str, ...]
    delete_when: str = ""
    signals: tuple[Column, ...] = ()
    keep_equal_states: bool = True
    snapshot: bool = False
    may_be_empty: bool = False

    @property
    def takes_rows_back(self) -> bool:
        """Whether a row may go again: a later one is of the same state, or it was of a snapshot that was replaced."""
        return self.snapshot or not self.keep_equal_states

    @property
    def joins_equal_states(self) -> bool:
        """Whether a row stands for the changes after it that are equal, and keeps their sequences."""
        return not (self.keep_equal_states or self.snapshot)


WriteMode = Append | Overwrite | ReplacePartitions | Merge | Scd2
