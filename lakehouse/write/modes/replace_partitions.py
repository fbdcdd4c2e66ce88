"""ReplacePartitions: the rows replace exactly their partitions, by reference."""

from lakehouse.declare.write_modes import ReplacePartitions
from lakehouse.delta.partition_values import condition
from lakehouse.write.modes.mode import ModeFunctions, Publication, commit_files
from lakehouse.write.run_kind import is_rebuild


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
        where=" OR ".join(f"({condition(partition, table.types)})" for partition in partitions),
        replaced=partitions,
    )


REPLACE_PARTITIONS = ModeFunctions(publish_partitions)
