"""Append: the rows are added, by reference."""

from lakehouse.declare.write_modes import Append
from lakehouse.write.modes.mode import Publication, publish, put


@publish.register
def _(mode: Append, publication: Publication) -> int:
    # What was read again would come twice.
    return put(publication, "overwrite" if publication.rebuild else "append")
