"""Overwrite: the rows replace everything, by reference."""

from lakehouse.modes import Overwrite
from lakehouse.table import quote
from lakehouse.write.modes.mode import Publication, publish, viewed
from lakehouse.write.publish import adopt, stamped, takes_references


@publish.register
def _(mode: Overwrite, publication: Publication) -> int:
    return replace_all(publication)


def replace_all(publication: Publication) -> int:
    """Replace all rows of the table by the good rows."""
    table = publication.table
    if takes_references(publication.delta):
        return adopt(
            publication.delta,
            publication.files,
            set(table.stored_names),
            publication.stamp,
            "overwrite",
            partitioned_by=table.partitioned_by,
        )
    with viewed(publication.session, publication.frame(), publication.stamp) as view:
        names = ", ".join(map(quote, table.stored_names))
        with stamped(publication.session, publication.stamp):
            publication.session.sql(f"INSERT INTO {quote(table.name)} REPLACE WHERE true SELECT {names} FROM {view}")
    return publication.rows
