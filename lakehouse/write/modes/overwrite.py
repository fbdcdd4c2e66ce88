"""Overwrite: the rows replace everything, by reference."""

from lakehouse.declare.write_modes import Overwrite
from lakehouse.write.modes.mode import ModeFunctions, Publication, commit_files


def publish_overwrite(mode: Overwrite, publication: Publication) -> int:
    """Replace all rows of the table."""
    return commit_files(publication, "overwrite")


OVERWRITE = ModeFunctions(publish_overwrite)
