"""The write modes, one file each, and the one table that says which mode has which functions."""

from lakehouse.declare.write_modes import Append, Merge, Overwrite, ReplacePartitions, Scd2, WriteMode
from lakehouse.write.modes.append import APPEND
from lakehouse.write.modes.merge import MERGE
from lakehouse.write.modes.mode import ModeFunctions, Publication, Winners
from lakehouse.write.modes.overwrite import OVERWRITE
from lakehouse.write.modes.replace_partitions import REPLACE_PARTITIONS
from lakehouse.write.modes.scd2 import SCD2

__all__ = ["GOOD", "MODES", "ModeFunctions", "Publication", "Winners", "functions_of", "publish"]

# Folder of the staged rows that take part.
GOOD = "good"

MODES: dict[type[WriteMode], ModeFunctions] = {
    Append: APPEND,
    Overwrite: OVERWRITE,
    ReplacePartitions: REPLACE_PARTITIONS,
    Merge: MERGE,
    Scd2: SCD2,
}


def publish(mode: WriteMode, publication: Publication) -> int:
    """Make good rows a version, in one commit.

    Returns:
        Rows that changed the table.
    """
    return functions_of(mode).publish(mode, publication)


def functions_of(mode: WriteMode) -> ModeFunctions:
    """What a write mode does."""
    return MODES[type(mode)]
