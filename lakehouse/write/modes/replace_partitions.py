"""ReplacePartitions: the rows replace exactly their partitions, by reference where one column partitions the table."""

from lakehouse.declare.sql_text import literal, quote
from lakehouse.declare.table import Table
from lakehouse.declare.write_modes import ReplacePartitions
from lakehouse.write.modes.mode import ModeFunctions, Partition, Publication, commit_files


def publish_partitions(mode: ReplacePartitions, publication: Publication) -> int:
    """Replace the partitions of the publication."""
    table, partitions = publication.table, publication.replaced
    if not partitions:
        return commit_files(publication, "append")
    values = [value for partition in partitions for value in partition.values() if value is not None]
    return commit_files(
        publication,
        "overwrite",
        where=" OR ".join(f"({condition(table, partition)})" for partition in partitions),
        replaced=values,
        # delta-rs selects the files to replace by values of columns, not by combinations of them, and not by null.
        by_reference=len(table.partitioned_by) == 1 and len(values) == len(partitions),
    )


def condition(table: Table, partition: Partition) -> str:
    """The SQL condition of one partition. Delta wants plain columns in it, so the value is cast and not the column."""
    types = {column.name: column.type for column in table.columns}
    return " AND ".join(
        f"{quote(name)} IS NULL" if value is None else f"{quote(name)} = CAST({literal(value)} AS {types[name]})"
        for name, value in partition.items()
    )


REPLACE_PARTITIONS = ModeFunctions(publish_partitions)
