"""The files that a run has staged, counted from their footers."""

from collections.abc import Sequence
from dataclasses import dataclass

from lakehouse.declare.table import Table
from lakehouse.delta.file_statistics import Adopted, read_adopted
from lakehouse.delta.partition_values import Partition
from lakehouse.errors import LakehouseError
from lakehouse.storage import File
from lakehouse.write.modes import GOOD
from lakehouse.write.stage import VERDICTS, Staged


@dataclass(frozen=True)
class Counted:
    """A staged file.

    Args:
        verdict: Of its rows.
        file: Where it is.
        rows: How many it has.
        partition: Of its rows; None where it does not matter, and of rejected rows whose value no log can hold.
    """

    verdict: str
    file: File
    rows: int
    partition: Partition | None


def counted_files(table: Table, staged: Staged, by: Sequence[str]) -> list[Counted]:
    """The staged files, from their footers; what a commit says of the good ones is computed on the way.

    Args:
        table: The declaration.
        staged: The rows.
        by: The columns by which rows that did not pass are told apart too.

    Raises:
        LakehouseError: a good row has a value that no commit can hold.
    """
    counted: list[Counted] = []
    for audit in VERDICTS:
        for file in staged.files(audit):
            if audit == GOOD:
                adopted = read_adopted(staged.root, file, set(table.stored_names), table.partitioned_by)
            else:
                adopted = _rejected(staged, file, by)
            counted.append(Counted(audit, file, adopted.rows, adopted.partition or None))
    return counted


def _rejected(staged: Staged, file: File, by: Sequence[str]) -> Adopted:
    try:
        return read_adopted(staged.root, file, set(), by)
    except LakehouseError:
        # The value of its partition is what it was rejected for: no key of a run names it.
        return read_adopted(staged.root, file, set())


def rows_by_verdict(counted: Sequence[Counted]) -> dict[str, int]:
    """Rows by verdict; 0 where there are none."""
    rows = dict.fromkeys(VERDICTS, 0)
    for read in counted:
        rows[read.verdict] += read.rows
    return rows


def partitions_of(counted: Sequence[Counted], verdict: str) -> list[Partition]:
    """The partitions of the rows of a verdict, each once, as far as they are known."""
    partitions: list[Partition] = []
    for read in counted:
        if read.verdict == verdict and read.partition is not None and read.partition not in partitions:
            partitions.append(read.partition)
    return partitions
