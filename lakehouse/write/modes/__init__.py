"""The write modes, one file each."""

from lakehouse.write.modes import append, merge, overwrite, replace_partitions, scd2
from lakehouse.write.modes.mode import Publication, Standing, adopts, publish, published_rows, standing

__all__ = [
    "GOOD",
    "Publication",
    "Standing",
    "adopts",
    "append",
    "merge",
    "overwrite",
    "publish",
    "published_rows",
    "replace_partitions",
    "scd2",
    "standing",
]

# Folder of the staged rows that take part.
GOOD = "good"
