"""ReplacePartitions: the rows replace exactly their partitions, by reference."""

from typing import TYPE_CHECKING

from lakehouse.declare.write_modes import ReplacePartitions
from lakehouse.delta.partition_values import any_of
from lakehouse.write.modes.mode import ModeFunctions, Pending, Publication, commit_files
from lakehouse.write.run_kind import is_rebuild

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def publish_partitions(mode: ReplacePartitions, publication: Publication) -> int:
    """Replace the partitions of the publication; by a rebuild all of them."""
    table, partitions = publication.table, publication.replaced
    if is_rebuild(publication.kind):
        return commit_files(publication, "overwrite")
    if not partitions:
        return commit_files(publication, "append")
    return commit_files(
        publication,
        "overwrite",
        where=any_of(partitions, table.types),
        replaced=partitions,
    )


def other_partitions_and(mode: ReplacePartitions, pending: Pending) -> "DataFrame":
    """The rows, and those of the partitions that are not replaced."""
    if is_rebuild(pending.kind):
        return pending.coming
    gone = any_of(pending.replaced, pending.table.types) or "false"
    return pending.now.where(f"NOT coalesce({gone}, false)").unionByName(pending.coming)


REPLACE_PARTITIONS = ModeFunctions(publish_partitions, after=other_partitions_and)
