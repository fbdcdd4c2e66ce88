"""Statistics of Parquet files as Delta wants them in an `add` action, from the files' own footers.

A bound that could be wrong is left out: floating point (NaN), decimals, long strings' upper bounds. Timestamps are cut
to milliseconds, which readers of Delta allow for (Delta protocol, "Per-file Statistics").
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from lakehouse.errors import LakehouseError
from lakehouse.storage import File, locate

if TYPE_CHECKING:
    from pyarrow.parquet import FileMetaData

# Delta truncates string statistics at 32 characters (spark.databricks.io.skipping.stringPrefixLength).
STRING_PREFIX = 32


def _bound(value: Any) -> Any:
    if isinstance(value, datetime):
        moment = value if value.tzinfo else value.replace(tzinfo=UTC)
        return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    return None


def _bounds(low: Any, high: Any) -> tuple[Any, Any]:
    if isinstance(low, str) and isinstance(high, str):
        return low[:STRING_PREFIX], high if len(high) <= STRING_PREFIX else None
    return _bound(low), _bound(high)


def statistics(footer: "FileMetaData", columns: set[str]) -> dict[str, Any]:
    """`numRecords`, `minValues`, `maxValues` and `nullCount` of one file, for its top-level `columns`."""
    low: dict[str, Any] = {}
    high: dict[str, Any] = {}
    nulls: dict[str, int] = {}
    unbounded: set[str] = set()
    for group_index in range(footer.num_row_groups):
        group = footer.row_group(group_index)
        for column_index in range(group.num_columns):
            chunk = group.column(column_index)
            name = chunk.path_in_schema
            if name not in columns or not chunk.is_stats_set:
                unbounded.add(name)
                continue
            chunk_statistics = chunk.statistics
            if chunk_statistics.has_null_count:
                nulls[name] = nulls.get(name, 0) + chunk_statistics.null_count
            if not chunk_statistics.has_min_max:
                if chunk_statistics.null_count != chunk.num_values:
                    unbounded.add(name)
                continue
            low[name] = chunk_statistics.min if name not in low else min(low[name], chunk_statistics.min)
            high[name] = chunk_statistics.max if name not in high else max(high[name], chunk_statistics.max)
    bounds = {name: _bounds(low[name], high[name]) for name in low if name not in unbounded}
    return {
        "numRecords": footer.num_rows,
        "minValues": {name: pair[0] for name, pair in bounds.items() if pair[0] is not None},
        "maxValues": {name: pair[1] for name, pair in bounds.items() if pair[1] is not None},
        "nullCount": nulls,
    }


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


def _serialized(value: Any) -> str | None:
    """A partition value as Delta writes it (Delta protocol, "Partition Value Serialization")."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        moment = value.astimezone(UTC) if value.tzinfo else value
        return moment.strftime("%Y-%m-%d %H:%M:%S.%f")
    if isinstance(value, date):
        return value.isoformat()
    return str(value) or None


def _partition_value(footer: "FileMetaData", name: str) -> str | None:
    """The one value that a column has in a file.

    Raises:
        LakehouseError: the footer does not say it, or there are several.
    """
    places = [i for i in range(footer.num_columns) if footer.schema.column(i).path == name]
    chunks = [footer.row_group(group).column(place) for group in range(footer.num_row_groups) for place in places]
    bounds = [chunk.statistics for chunk in chunks if chunk.is_stats_set]
    if len(bounds) == len(chunks) and all(bound.null_count == bound.num_values + bound.null_count for bound in bounds):
        return None
    values = {end for bound in bounds if bound.has_min_max for end in (bound.min, bound.max)}
    if len(bounds) != len(chunks) or len(values) != 1 or any(bound.null_count for bound in bounds):
        raise LakehouseError(
            f"a staged file does not say its one value of the partition column `{name}`. "
            f"Partition by a short string, integer, boolean or date column."
        )
    return _serialized(values.pop())


def read_adopted(root: str, file: File, columns: set[str], partitioned_by: Sequence[str] = ()) -> Adopted:
    """What a commit must say of a staged file.

    Raises:
        LakehouseError: a partition column of a kind whose value the footer does not tell.
    """
    import pyarrow.parquet as pq

    store, _ = locate(root)
    with store.open_input_file(file.path) as stream:
        footer = pq.read_metadata(stream)
    stats = statistics(footer, columns - set(partitioned_by))
    partition = {name: _partition_value(footer, name) for name in partitioned_by} if footer.num_rows else {}
    return Adopted(int(stats["numRecords"]), json.dumps(stats), partition)
