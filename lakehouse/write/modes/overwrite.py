"""Overwrite: the rows replace everything, by reference."""

from typing import TYPE_CHECKING

from lakehouse.declare.write_modes import Overwrite
from lakehouse.write.modes.mode import ModeFunctions, Pending, Publication, commit_files

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def publish_overwrite(mode: Overwrite, publication: Publication) -> int:
    """Replace all rows of the table."""
    return commit_files(publication, "overwrite")


def replaced(mode: Overwrite, pending: Pending) -> "DataFrame":
    """The rows alone."""
    return pending.coming


OVERWRITE = ModeFunctions(publish_overwrite, after=replaced)
