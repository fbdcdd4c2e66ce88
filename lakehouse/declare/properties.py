"""The properties of Delta that a declaration may carry: those with which all engines read a table, and no others.

tests/library/declare/test_properties.py sets each of them on a table with deleted rows and asks each engine.
"""

from collections.abc import Iterable

from lakehouse.errors import DeclarationError, near_miss

_OWN = "delta."
_SWITCH = ("true", "false")
# Values by property; any value if none are listed, which Delta checks itself.
PROPERTIES: dict[str, tuple[str, ...]] = {
    "delta.appendOnly": _SWITCH,
    "delta.autoOptimize.autoCompact": _SWITCH,
    "delta.autoOptimize.optimizeWrite": _SWITCH,
    "delta.checkpoint.writeStatsAsStruct": _SWITCH,
    "delta.checkpointInterval": (),
    "delta.checkpointPolicy": ("classic", "v2"),
    "delta.checkpointRetentionDuration": (),
    "delta.columnMapping.mode": ("name", "id"),
    "delta.dataSkippingNumIndexedCols": (),
    "delta.dataSkippingStatsColumns": (),
    "delta.deletedFileRetentionDuration": (),
    "delta.enableChangeDataFeed": ("true",),
    "delta.enableDeletionVectors": _SWITCH,
    "delta.enableExpiredLogCleanup": _SWITCH,
    "delta.enableInCommitTimestamps": _SWITCH,
    "delta.enableRowTracking": _SWITCH,
    "delta.isolationLevel": ("Serializable",),
    "delta.logRetentionDuration": (),
    "delta.randomizeFilePrefixes": _SWITCH,
    "delta.randomPrefixLength": (),
    "delta.setTransactionRetentionDuration": (),
    "delta.feature.timestampNtz": ("supported",),
}
_BY_LOWER = {key[len(_OWN) :].lower(): key for key in PROPERTIES}
# What to do instead. The end of a key stands for all that begin so.
_INSTEAD = {
    "delta.checkpoint.writeStatsAsJson": "the rows of a table are counted by this part of a checkpoint; leave it out",
    "delta.constraints.": "give the condition in `constraints`, so that rows against it go to quarantine",
    "delta.enableTypeWidening": "neither Trino nor delta-rs reads columns that were widened by it, and "
    "`lakehouse apply` widens a column without it; leave it out",
    "delta.enableVariantShredding": "neither Trino nor delta-rs reads such a table; leave it out",
    "delta.feature.": "Delta adds the features that a table needs by itself; leave it out",
    "delta.minReaderVersion": "Delta raises the version itself if a feature needs it; leave it out",
    "delta.minWriterVersion": "Delta raises the version itself if a feature needs it; leave it out",
}


def check_properties(table: str, properties: Iterable[tuple[str, str]], *, only_adds: bool) -> None:
    """See that a table with these properties can be read by all engines, and written by its mode.

    Args:
        table: `layer.entities`, for the message.
        properties: Names and values.
        only_adds: Whether the write mode never changes a row that is there.

    Raises:
        DeclarationError: a property of Delta is not known to leave the table readable, or forbids what the mode does.
    """
    for key, value in properties:
        if not key.lower().startswith(_OWN):
            continue
        if key not in PROPERTIES:
            raise DeclarationError(f"{table}: property `{key}` is not taken: {_instead(key)}.")
        values = PROPERTIES[key]
        if values and value not in values:
            raise DeclarationError(
                f"{table}: property `{key}`: expected {' or '.join(f'`{value}`' for value in values)}, got `{value}`"
            )
        if (key, value) == ("delta.appendOnly", "true") and not only_adds:
            raise DeclarationError(f"{table}: property `{key}` forbids to change rows, which its write mode does")


def _instead(key: str) -> str:
    for start, instead in _INSTEAD.items():
        if key == start or (start.endswith(".") and key.startswith(start)):
            return instead
    near = near_miss(key[len(_OWN) :].lower(), list(_BY_LOWER))
    hint = f" (did you mean `{_BY_LOWER[near]}`?)" if near else ""
    return f"it is not known that Spark, Trino and delta-rs read a table with it{hint}"
