"""Append: the rows are added, by reference."""

from lakehouse.modes import Append
from lakehouse.table import quote
from lakehouse.write.modes.mode import Publication, publish, viewed
from lakehouse.write.modes.overwrite import replace_all
from lakehouse.write.publish import adopt, stamped, takes_references


@publish.register
def _(mode: Append, publication: Publication) -> int:
    # What was read again would come twice.
    return replace_all(publication) if publication.rebuild else add(publication)


def add(publication: Publication) -> int:
    """Add the good rows."""
    table = publication.table
    if takes_references(publication.delta):
        return adopt(
            publication.delta,
            publication.files,
            set(table.stored_names),
            publication.stamp,
            "append",
            partitioned_by=table.partitioned_by,
        )
    with viewed(publication.session, publication.frame(), publication.stamp) as view:
        names = ", ".join(map(quote, table.stored_names))
        with stamped(publication.session, publication.stamp):
            publication.session.sql(f"INSERT INTO {quote(table.name)} ({names}) SELECT {names} FROM {view}")
    return publication.rows
