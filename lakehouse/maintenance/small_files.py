"""Does a table need upkeep? Decided from its log alone, before any job."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lakehouse.delta.note import Upkeep

if TYPE_CHECKING:
    from deltalake import DeltaTable


@dataclass(frozen=True)
class Limits:
    """When files are joined, and into what.

    Args:
        files: So many files less make it worth while.
        small_bytes: A smaller file is a small one; others are left alone.
        full_bytes: What small files are joined into has at most so many.
    """

    files: int = 24
    small_bytes: int = 16 * 2**20
    full_bytes: int = 128 * 2**20


# docs/adr/0009-layout-and-upkeep.md has the measurements.
LIMITS = Limits()


@dataclass(frozen=True)
class StoredFile:
    """One file of a table.

    Args:
        path: As the log has it.
        size: In bytes.
        partition: Its partition, in any form; files of two partitions are never joined.
        values: Those of its partition that are texts.
    """

    path: str
    size: int
    partition: str = ""
    values: tuple[str | None, ...] = ()


@dataclass(frozen=True)
class Need:
    """Why a table is to be compacted.

    Args:
        files: Files of the table.
        small: Small ones among them that can be joined with others.
        small_bytes: Their bytes.
        after: Files there may be afterwards.
    """

    files: int
    small: int
    small_bytes: int
    after: int

    @property
    def upkeep(self) -> Upkeep:
        """For the commit's note."""
        return Upkeep("small files", self.files, self.small, self.small_bytes)


def need(files: Sequence[StoredFile], limits: Limits = LIMITS) -> Need | None:
    """Whether files should be joined; None where that would save too few of them."""
    groups = groups_to_join(files, limits)
    small = [file for group in groups for file in group]
    saved = len(small) - len(groups)
    if saved < limits.files:
        return None
    return Need(len(files), len(small), sum(file.size for file in small), len(files) - saved)


def groups_to_join(files: Sequence[StoredFile], limits: Limits = LIMITS) -> list[list[StoredFile]]:
    """The small files that may become one, as groups of two at least."""
    groups: list[list[StoredFile]] = []
    by_partition: dict[str, list[StoredFile]] = {}
    for file in files:
        if file.size < limits.small_bytes:
            by_partition.setdefault(file.partition, []).append(file)
    for small in by_partition.values():
        group: list[StoredFile] = []
        for file in sorted(small, key=lambda file: (file.size, file.path)):
            if group and sum(member.size for member in group) + file.size > limits.full_bytes:
                groups.append(group)
                group = []
            group.append(file)
        groups.append(group)
    return [group for group in groups if len(group) > 1]


def files_by(delta: "DeltaTable") -> list[StoredFile]:
    """The files of a table at its version."""
    import pyarrow as pa

    listed = pa.table(delta.get_add_actions(flatten=True))
    parts = [name for name in listed.column_names if name.startswith("partition.")]
    return [
        StoredFile(
            row["path"],
            row["size_bytes"],
            str([row[name] for name in parts]),
            tuple(row[name] for name in parts if isinstance(row[name], str)),
        )
        for row in listed.select(["path", "size_bytes", *parts]).to_pylist()
    ]
