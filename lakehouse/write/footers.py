"""Statistics of Parquet files as Delta wants them in an `add` action, from the files' own footers.

A bound that could be wrong is left out: floating point (NaN), decimals, long strings' upper bounds. Timestamps are cut
to milliseconds, which readers of Delta allow for (Delta protocol, "Per-file Statistics").
"""

import json
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

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
            found = chunk.statistics
            if found.has_null_count:
                nulls[name] = nulls.get(name, 0) + found.null_count
            if not found.has_min_max:
                if found.null_count != chunk.num_values:
                    unbounded.add(name)
                continue
            low[name] = found.min if name not in low else min(low[name], found.min)
            high[name] = found.max if name not in high else max(high[name], found.max)
    bounds = {name: _bounds(low[name], high[name]) for name in low if name not in unbounded}
    return {
        "numRecords": footer.num_rows,
        "minValues": {name: pair[0] for name, pair in bounds.items() if pair[0] is not None},
        "maxValues": {name: pair[1] for name, pair in bounds.items() if pair[1] is not None},
        "nullCount": nulls,
    }


def read_statistics(root: str, file: File, columns: set[str]) -> tuple[int, str]:
    """Rows of a staged file, and its Delta statistics as JSON."""
    import pyarrow.parquet as pq

    store, _ = locate(root)
    with store.open_input_file(file.path) as stream:
        found = statistics(pq.read_metadata(stream), columns)
    return int(found["numRecords"]), json.dumps(found)
