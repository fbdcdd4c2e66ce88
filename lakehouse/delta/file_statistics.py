"""Statistics of Parquet files as Delta wants them in an `add` action, from the files' own footers.

A bound that could be wrong is left out: floating point (NaN), decimals, long strings' upper bounds. Bounds of times are
in milliseconds, from the one at or before the least to the one at or after the greatest: Delta's own writers cut both,
and not each reader allows for it (delta-rs 1.6 misses the greatest time of such a file).
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from lakehouse.delta.partition_values import spelled
from lakehouse.errors import LakehouseError
from lakehouse.storage import File, locate

if TYPE_CHECKING:
    from pyarrow.parquet import ColumnChunkMetaData, FileMetaData

# Delta truncates string statistics at 32 characters (spark.databricks.io.skipping.stringPrefixLength).
STRING_PREFIX = 32


def _bound(value: Any) -> Any:
    if isinstance(value, datetime):
        text = (
            (value.astimezone(UTC) if value.tzinfo else value).replace(tzinfo=None).isoformat(timespec="milliseconds")
        )
        return f"{text}Z" if value.tzinfo else text
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    return None


def _bounds(low: Any, high: Any) -> tuple[Any, Any]:
    if isinstance(low, str) and isinstance(high, str):
        return low[:STRING_PREFIX], high if len(high) <= STRING_PREFIX else None
    return _bound(low), _bound(_at_or_after(high))


def _at_or_after(value: Any) -> Any:
    """A time in milliseconds that is not before it; None if there is none in the years of Python."""
    if not isinstance(value, datetime):
        return value
    try:
        return value + timedelta(microseconds=-value.microsecond % 1000)
    except OverflowError:
        return None


def statistics(footer: "FileMetaData", columns: set[str]) -> dict[str, Any]:
    """`numRecords`, `minValues`, `maxValues` and `nullCount` of one file, for its top-level `columns`.

    A footer need not say all: Parquet's writers leave out the statistics of a row group with values over 4 KiB, and
    some of them the count of nulls alone. What it does not say of each row group is not said here.
    """
    low: dict[str, Any] = {}
    high: dict[str, Any] = {}
    nulls: dict[str, int] = {}
    for place in range(footer.num_columns):
        # A field of a structure has the same path as a column with a dot in its name.
        name = footer.schema.column(place).path
        if name not in columns or "." in name:
            continue
        chunks = [footer.row_group(group).column(place) for group in range(footer.num_row_groups)]
        counted = [_nulls(chunk) for chunk in chunks]
        if None not in counted:
            nulls[name] = sum(filter(None, counted))
        with_values = [chunk for chunk, count in zip(chunks, counted, strict=True) if count != chunk.num_values]
        ends = [_ends(chunk) for chunk in with_values]
        if ends and None not in ends:
            pairs = [pair for pair in ends if pair is not None]
            low[name], high[name] = _bounds(min(pair[0] for pair in pairs), max(pair[1] for pair in pairs))
    return {
        "numRecords": footer.num_rows,
        "minValues": {name: value for name, value in low.items() if value is not None},
        "maxValues": {name: value for name, value in high.items() if value is not None},
        "nullCount": nulls,
    }


def _nulls(chunk: "ColumnChunkMetaData") -> int | None:
    """How many nulls a row group's column has; None if the footer does not say it."""
    said = chunk.statistics if chunk.is_stats_set else None
    return int(said.null_count) if said is not None and said.has_null_count else None


def _ends(chunk: "ColumnChunkMetaData") -> tuple[Any, Any] | None:
    """The least and the greatest value of a row group's column; None if the footer, or Python, does not tell them."""
    said = chunk.statistics if chunk.is_stats_set else None
    try:
        return (said.min, said.max) if said is not None and said.has_min_max else None
    except (ArithmeticError, ValueError):
        # A year that Python does not know, or bytes that are no text.
        return None


@dataclass(frozen=True)
class Adopted:
    """What a commit must say of one file.

    Args:
        rows: How many it has.
        statistics: Delta's, as JSON.
        partition: Values of the partition columns as Delta writes them, by name.
    """

    rows: int
    statistics: str
    partition: dict[str, str | None]


def _partition_value(stream: Any, footer: "FileMetaData", name: str) -> str | None:
    """The one value that a column has in a file, as the log spells it.

    Raises:
        LakehouseError: there are several, or it cannot be told.
    """
    place = next(i for i in range(footer.num_columns) if footer.schema.column(i).path == name)
    chunks = [footer.row_group(group).column(place) for group in range(footer.num_row_groups)]
    ends = [_ends(chunk) if _nulls(chunk) == 0 else None for chunk in chunks]
    values = {end for pair in ends for end in pair or ()}
    # Bounds may be cut, but not where both are the same.
    if None in ends or len(values) != 1:
        values = _read_values(stream, name)
    if len(values) != 1:
        raise LakehouseError(
            f"A staged file has {len(values)} values of the partition column `{name}`, where one was expected. Nothing "
            f"was published, and the next run stages the rows anew."
        )
    return spelled(values.pop())


def _read_values(stream: Any, name: str) -> set[Any]:
    """The values of a column of a file, read."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    try:
        rows = pq.ParquetFile(stream, coerce_int96_timestamp_unit="us").read(columns=[name])
        return set(pc.unique(rows[name]).to_pylist())
    except (ArithmeticError, ValueError):
        raise LakehouseError(
            f"A value of the partition column `{name}` cannot be written in a Delta log: a text that is no UTF-8, or a "
            f"time outside the years 1 to 9999. Nothing was published. Correct it, or let the transform leave it out."
        ) from None


def read_adopted(root: str, file: File, columns: set[str], partitioned_by: Sequence[str] = ()) -> Adopted:
    """What a commit must say of a staged file.

    Raises:
        LakehouseError: a partition column has several values in it, or one that no log can hold.
    """
    import pyarrow.parquet as pq

    store, _ = locate(root)
    with store.open_input_file(file.path) as stream:
        footer = pq.read_metadata(stream)
        there = partitioned_by if footer.num_rows else ()
        partition = {name: _partition_value(stream, footer, name) for name in there}
    stats = statistics(footer, columns - set(partitioned_by))
    return Adopted(int(stats["numRecords"]), json.dumps(stats), partition)
