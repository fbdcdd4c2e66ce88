"""ReplacePartitions: the rows replace exactly their partitions, by reference where one column partitions the table."""

from collections.abc import Mapping

from lakehouse.modes import ReplacePartitions
from lakehouse.table import Table, literal, quote
from lakehouse.write.modes.append import add
from lakehouse.write.modes.mode import Publication, publish, viewed
from lakehouse.write.publish import adopt, stamped, takes_references


@publish.register
def _(mode: ReplacePartitions, publication: Publication) -> int:
    table = publication.table
    if not publication.partitions:
        return add(publication)
    values = [value for partition in publication.partitions for value in partition.values() if value is not None]
    # delta-rs selects the files to replace by values of columns, not by combinations of them, and not by null.
    if (
        takes_references(publication.delta)
        and len(table.partitioned_by) == 1
        and len(values) == len(publication.partitions)
    ):
        return adopt(
            publication.delta,
            publication.files,
            set(table.stored_names),
            publication.stamp,
            "overwrite",
            partitioned_by=table.partitioned_by,
            replaced=values,
        )
    conditions = " OR ".join(f"({condition(table, partition)})" for partition in publication.partitions)
    with viewed(publication.session, publication.frame(), publication.stamp) as view:
        names = ", ".join(map(quote, table.stored_names))
        with stamped(publication.session, publication.stamp):
            publication.session.sql(
                f"INSERT INTO {quote(table.name)} REPLACE WHERE {conditions} SELECT {names} FROM {view}"
            )
    return publication.rows


def condition(table: Table, partition: Mapping[str, str | None]) -> str:
    """The SQL condition of one partition. Delta wants plain columns in it, so the value is cast and not the column."""
    types = {column.name: column.type for column in table.columns}
    return " AND ".join(
        f"{quote(name)} IS NULL" if value is None else f"{quote(name)} = CAST({literal(value)} AS {types[name]})"
        for name, value in partition.items()
    )
