"""Which rows of a table the rows of a batch stand for, by key and sequence; no other column is read."""

import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lakehouse.declare.names import helper
from lakehouse.storage import File, locate

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from pyroaring import BitMap64

_ROW, _PLACE = helper("row"), helper("place")


class NotComparableError(Exception):
    """Keys or sequences that Arrow would not compare as Spark does."""


class KeyTwiceError(Exception):
    """The table has rows of one key of the batch."""


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
        replaced: Places of the table's rows that newer ones stand for or delete, by the path in the log.
        older: Places of the batch's rows that are not newer than the table's, by the file below the batch's table.
        updated: Rows of the table that are replaced.
        deleted: Rows of the table that are deleted.
        inserted: Rows with keys that the table does not have.
    """

    replaced: dict[str, "np.ndarray"]
    older: dict[str, "np.ndarray"]
    updated: int
    deleted: int
    inserted: int


@dataclass(frozen=True)
class StoredRows:
    """Rows that a batch is compared with: a table's, or those that a table remembers as deleted.

    Args:
        root: URI of the table.
        files: Its files.
    """

    root: str
    files: Sequence[Target]


@dataclass(frozen=True)
class Changes:
    """A batch, whose keys are all different.

    Args:
        root: URI of the table below which it is staged.
        rows: Files of the rows that are to be in the table.
        deletions: Files of the rows that delete their key.
        key: Columns.
        sequence: Columns that order the changes of a key; empty where the batch wins.
    """

    root: str
    rows: Sequence[File]
    deletions: Sequence[File]
    key: Sequence[str]
    sequence: Sequence[str]


@dataclass(frozen=True)
class _Batch:
    """Key and sequence of the changes, and which of them delete."""

    rows: "pa.Table"
    deletes: "np.ndarray"
    key: Sequence[str]
    sequence: Sequence[str]


def match(changes: Changes, table: StoredRows, deletions: StoredRows | None = None) -> Matches:
    """Compare a batch with the rows of a table, and with the deletions that are remembered for it.

    Raises:
        NotComparableError: Spark must compare them.
        KeyTwiceError: the table has a key more than once; its argument is the number of such keys.
    """
    import numpy as np

    files = (*changes.rows, *changes.deletions)
    read = [_read(changes.root, file, (*changes.key, *changes.sequence)) for file in files]
    rows = _one(read)
    _check_sequence(rows, changes.sequence)
    lengths = [part.num_rows for part in read]
    deletes = np.repeat([place >= len(changes.rows) for place in range(len(files))], lengths)
    batch = _Batch(rows, deletes, changes.key, changes.sequence)
    times, is_older = np.zeros(rows.num_rows, dtype=np.int64), np.zeros(rows.num_rows, dtype=bool)
    for _, _, places, newer in _all_matched(deletions, batch) if deletions else ():
        is_older[places[~newer]] = True
    is_late, replaced, deleted = is_older.copy(), {}, 0
    for target, rows_of_file, places, newer in _all_matched(table, batch):
        np.add.at(times, places, 1)
        takes = newer & ~is_late[places]
        is_older[places[~takes]] = True
        deleted += int((takes & deletes[places]).sum())
        if takes.any():
            replaced[target.action["path"]] = rows_of_file[takes]
    if (times > 1).any():
        raise KeyTwiceError(int((times > 1).sum()))
    parts = np.split(is_older, np.cumsum(lengths)[:-1])[: len(changes.rows)]
    return Matches(
        replaced,
        {file.relative: np.flatnonzero(part) for file, part in zip(changes.rows, parts, strict=True) if part.any()},
        sum(len(rows) for rows in replaced.values()) - deleted,
        deleted,
        int(((times == 0) & ~deletes & ~is_late).sum()),
    )


def _all_matched(stored: StoredRows, batch: _Batch) -> "Iterator[tuple[Target, np.ndarray, np.ndarray, np.ndarray]]":
    """What `_matched` says of each file whose bounds allow for one of the keys."""
    name = batch.key[0]
    bounds = _bounds(batch.rows[name])
    targets = [target for target in stored.files if bounds is None or _may_match(target, name, *bounds)]
    with ThreadPoolExecutor() as pool:
        matched = pool.map(lambda target: _matched(stored.root, target, batch), targets)
        for target, rows_and_places in zip(targets, matched, strict=True):
            yield target, *rows_and_places


def _matched(root: str, target: Target, batch: _Batch) -> "tuple[np.ndarray, np.ndarray, np.ndarray]":
    """Rows of a file that have keys of the batch; which rows of the batch these are; and whether those are newer.

    A deletion is newer than a row of its own sequence, too.
    """
    import numpy as np

    sequence = list(batch.sequence)
    stored = _read(root, target.file, (*batch.key, *sequence))
    rows, places = _places(stored, batch.rows, batch.key)
    if target.deleted:
        lives = np.fromiter((row not in target.deleted for row in rows.tolist()), bool, len(rows))
        rows, places = rows[lives], places[lives]
    if not sequence:
        return rows, places, np.ones(len(rows), dtype=bool)
    theirs, ours = stored.select(sequence).take(rows), batch.rows.select(sequence).take(places)
    _check_sequence(theirs, sequence)
    is_newer = np.where(
        batch.deletes[places], ~_is_greater(theirs, ours, sequence), _is_greater(ours, theirs, sequence)
    )
    return rows, places, is_newer


def _places(stored: "pa.Table", batch: "pa.Table", key: Sequence[str]) -> "tuple[np.ndarray, np.ndarray]":
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    if any(stored.schema.field(name).type != batch.schema.field(name).type for name in key):
        raise NotComparableError("the table's files have other types than the batch")
    if len(key) == 1:
        place = pc.index_in(stored[key[0]], value_set=batch[key[0]].combine_chunks())
        return np.flatnonzero(pc.is_valid(place).to_numpy()), place.drop_null().to_numpy()
    left = stored.select(list(key)).append_column(_ROW, pa.array(np.arange(stored.num_rows)))
    right = batch.select(list(key)).append_column(_PLACE, pa.array(np.arange(batch.num_rows)))
    joined = left.join(right, keys=list(key), join_type="inner", use_threads=False)
    return joined[_ROW].to_numpy(), joined[_PLACE].to_numpy()


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

    bounds = pc.min_max(keys).as_py() if kinds.is_int64(keys.type) and len(keys) else None
    return None if bounds is None else (bounds["min"], bounds["max"])


def _may_match(target: Target, name: str, least: int, greatest: int) -> bool:
    """Whether the bounds of a file allow for one of the keys."""
    statistics = json.loads(target.action.get("stats") or "{}")
    low, high = statistics.get("minValues", {}).get(name), statistics.get("maxValues", {}).get(name)
    return not (isinstance(low, int) and isinstance(high, int)) or (least <= high and greatest >= low)
