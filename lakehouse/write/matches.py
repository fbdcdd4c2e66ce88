"""Which rows of a table the rows of a batch stand for, by key and sequence; no other column is read."""

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lakehouse.storage import File, locate

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from pyroaring import BitMap64


class NotComparableError(Exception):
    """Keys or sequences that Arrow would not compare as Spark does, or a key that the table has twice."""


@dataclass(frozen=True)
class Target:
    """One file of the table: where it is, its `add` action, and the rows that are deleted in it already."""

    file: File
    action: Mapping[str, Any]
    deleted: "BitMap64"


@dataclass(frozen=True)
class Matches:
    """What a merge does.

    Args:
        replaced: Places of the table's rows that newer ones stand for, by the path in the log.
        older: Places of the batch's rows that are not newer than the table's, by the path in the log.
        updated: Rows of the table that are replaced.
        inserted: Rows with keys that the table does not have.
    """

    replaced: dict[str, "np.ndarray"]
    older: dict[str, "np.ndarray"]
    updated: int
    inserted: int


def match(
    root: str, staged: Sequence[File], targets: Sequence[Target], key: Sequence[str], sequence: Sequence[str]
) -> Matches:
    """Compare a batch, whose keys are all different, with the rows of a table.

    Raises:
        NotComparableError: Spark must compare them.
    """
    import numpy as np

    columns = (*key, *sequence)
    read = [_read(root, file, columns) for file in staged]
    batch = _one(read)
    _check_sequence(batch, sequence)
    bounds = _bounds(batch[key[0]])
    wanted = [target for target in targets if bounds is None or _may_match(target, key[0], *bounds)]
    times = np.zeros(batch.num_rows, dtype=np.int64)
    is_older = np.zeros(batch.num_rows, dtype=bool)
    replaced: dict[str, np.ndarray] = {}
    with ThreadPoolExecutor() as pool:
        for target, (rows, places, newer) in zip(
            wanted, pool.map(lambda each: _matched(root, each, batch, key, sequence), wanted), strict=True
        ):
            np.add.at(times, places, 1)
            is_older[places[~newer]] = True
            if newer.any():
                replaced[target.action["path"]] = rows[newer]
    if (times > 1).any():
        raise NotComparableError("a key is in the table twice")
    ends = np.cumsum([part.num_rows for part in read])
    parts = np.split(is_older, ends[:-1]) if read else []
    return Matches(
        replaced,
        {file.relative: np.flatnonzero(part) for file, part in zip(staged, parts, strict=True) if part.any()},
        sum(len(rows) for rows in replaced.values()),
        int((times == 0).sum()),
    )


def _matched(
    root: str, target: Target, batch: "pa.Table", key: Sequence[str], sequence: Sequence[str]
) -> "tuple[np.ndarray, np.ndarray, np.ndarray]":
    """Rows of a file that have keys of the batch; which rows of the batch these are; and whether those are newer."""
    import numpy as np

    found = _read(root, target.file, (*key, *sequence))
    rows, places = _places(found, batch, key)
    if target.deleted:
        lives = np.fromiter((row not in target.deleted for row in rows.tolist()), bool, len(rows))
        rows, places = rows[lives], places[lives]
    if not sequence:
        return rows, places, np.ones(len(rows), dtype=bool)
    theirs, ours = found.select(list(sequence)).take(rows), batch.select(list(sequence)).take(places)
    _check_sequence(theirs, sequence)
    return rows, places, _is_greater(ours, theirs, sequence)


def _places(found: "pa.Table", batch: "pa.Table", key: Sequence[str]) -> "tuple[np.ndarray, np.ndarray]":
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    if any(found.schema.field(name).type != batch.schema.field(name).type for name in key):
        raise NotComparableError("the table's files have other types than the batch")
    if len(key) == 1:
        place = pc.index_in(found[key[0]], value_set=batch[key[0]].combine_chunks())
        return np.flatnonzero(pc.is_valid(place).to_numpy()), place.drop_null().to_numpy()
    left = found.select(list(key)).append_column("-row", pa.array(np.arange(found.num_rows)))
    right = batch.select(list(key)).append_column("-place", pa.array(np.arange(batch.num_rows)))
    joined = left.join(right, keys=list(key), join_type="inner", use_threads=False)
    return joined["-row"].to_numpy(), joined["-place"].to_numpy()


def _is_greater(ours: "pa.Table", theirs: "pa.Table", names: Sequence[str]) -> "np.ndarray":
    """Whether each of our rows is greater than theirs, column by column, the first one first."""
    import numpy as np
    import pyarrow.compute as pc

    greater = np.zeros(ours.num_rows, dtype=bool)
    for name in reversed(names):
        if ours[name].type != theirs[name].type:
            raise NotComparableError("the table's files have other types than the batch")
        more, same = pc.greater(ours[name], theirs[name]), pc.equal(ours[name], theirs[name])
        greater = more.to_numpy() | (same.to_numpy() & greater)
    return greater


def _check_sequence(rows: "pa.Table", names: Sequence[str]) -> None:
    # Spark takes null for the least of all; Arrow's comparison with null is null.
    if any(rows[name].null_count for name in names):
        raise NotComparableError("a sequence is null")


def _read(root: str, file: File, columns: Sequence[str]) -> "pa.Table":
    import pyarrow as pa
    import pyarrow.parquet as pq

    store, _ = locate(root)
    with store.open_input_file(file.path) as stream:
        rows = pq.ParquetFile(stream, coerce_int96_timestamp_unit="us").read(columns=list(columns), use_threads=False)
    if set(rows.column_names) != set(columns):
        raise NotComparableError("a file of the table lacks a key or a sequence")
    return pa.table({name: _comparable(rows[name]) for name in columns})


def _comparable(column: "pa.ChunkedArray") -> "pa.ChunkedArray":
    """A column in a type that Arrow compares as Spark does: no floating point (NaN), nothing nested."""
    import pyarrow as pa
    import pyarrow.types as kinds

    kind = column.type
    if kinds.is_timestamp(kind):
        return column.cast(pa.timestamp("us", kind.tz)).cast(pa.int64())
    if kinds.is_integer(kind):
        return column.cast(pa.int64())
    if kinds.is_dictionary(kind):
        return _comparable(column.cast(kind.value_type))
    plain = kinds.is_string(kind) or kinds.is_date(kind) or kinds.is_boolean(kind) or kinds.is_decimal(kind)
    if not plain:
        raise NotComparableError(f"a key or a sequence of type {kind}")
    return column


def _one(parts: "Sequence[pa.Table]") -> "pa.Table":
    import pyarrow as pa

    try:
        return pa.concat_tables(parts)
    except pa.ArrowInvalid:
        raise NotComparableError("the files of the batch have different types") from None


def _bounds(keys: "pa.ChunkedArray") -> tuple[int, int] | None:
    """The least and the greatest key; None for other than whole numbers, whose bounds in a log are not exact."""
    import pyarrow.compute as pc
    import pyarrow.types as kinds

    found = pc.min_max(keys).as_py() if kinds.is_int64(keys.type) and len(keys) else None
    return None if found is None else (found["min"], found["max"])


def _may_match(target: Target, name: str, least: int, greatest: int) -> bool:
    """Whether the bounds of a file allow for one of the keys."""
    held = json.loads(target.action.get("stats") or "{}")
    low, high = held.get("minValues", {}).get(name), held.get("maxValues", {}).get(name)
    return not (isinstance(low, int) and isinstance(high, int)) or (least <= high and greatest >= low)
