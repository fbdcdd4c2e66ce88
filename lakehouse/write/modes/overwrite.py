"""Overwrite: the rows replace everything, by reference."""

from lakehouse.declare.write_modes import Overwrite
from lakehouse.write.modes.mode import Publication, publish, put


@publish.register
def _(mode: Overwrite, publication: Publication) -> int:
    return put(publication, "overwrite")
