"""Bad rows into quarantine by reference: their staged files are copied with what quarantine says of each row.

Spark needed 2.5 to 2.7 s of CPU time to append 15,000 rows of lineitem, and 7 to 12 s where rows that waited are
discarded in the same commit. This asks no server.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from lakehouse.declare.names import MASK
from lakehouse.declare.table import Table
from lakehouse.declare.types import from_json
from lakehouse.delta.adopt import swap, takes_references
from lakehouse.delta.live_files import live_files
from lakehouse.delta.log import log_of
from lakehouse.delta.log_entry import Action, is_local
from lakehouse.delta.parquet_files import read_file, write_file
from lakehouse.quality.measure.masks import broken_labels
from lakehouse.storage import locate
from lakehouse.write.intent import Intent
from lakehouse.write.stage import BAD

if TYPE_CHECKING:
    import pyarrow as pa
    from deltalake import DeltaTable

# Types that Arrow writes as Spark does.
_SAME = re.compile(
    r"boolean|tinyint|smallint|int|bigint|float|double|decimal|string|binary|date|timestamp|timestamp_ntz|array|map|struct"
)
_NAMES = re.compile(r"`(?:[^`]|``)*`|[^<>(),:\s`]+(?=:)")
WAITING, DISCARDED = "waiting", "discarded"
# Rejected with a batch that was not published: the next run reads it again.
WITHHELD = "withheld"
# Published, or the reason why what was published fails a warning: not rejected, and gone when it is judged again.
WARNED = "warned"


@dataclass(frozen=True)
class Superseded:
    """Which rows of a quarantine a batch stands for.

    Args:
        discards: Those that wait; they are marked.
        forgets: Those that were withheld; they are not kept.
    """

    discards: bool = False
    forgets: bool = False

    @property
    def states(self) -> tuple[str, ...]:
        """The states of these rows."""
        return (*((WAITING,) if self.discards else ()), *((WITHHELD,) if self.forgets else ()))


def is_possible(delta: "DeltaTable", target: Table) -> bool:
    """Whether the rows of a batch can become files of its quarantine as they are: columns and types are the same."""
    fields = {field["name"]: field for field in json.loads(delta.schema().to_json())["fields"]}
    return (
        takes_references(delta)
        and is_local(delta.table_uri)
        # A file's rows are not all there are where vectors delete some.
        and "deletionVectors" not in (delta.protocol().writer_features or ())
        and all(
            column.name in fields
            and _is_simple(column.type)
            and from_json(fields[column.name]["type"], fields[column.name]["metadata"]) == column.type
            for column in target.columns
        )
    )


def _is_simple(type_name: str) -> bool:
    words = re.findall(r"[a-z_]+", _NAMES.sub("", type_name))
    return all(_SAME.fullmatch(word) for word in words)


def add_by_reference(delta: "DeltaTable", target: Table, intent: Intent, superseded: Superseded) -> None:
    """Commit the staged bad rows to a quarantine; what they stand for there is changed in the same commit."""
    import pyarrow as pa

    schema = pa.schema(delta.schema().to_arrow()).remove_metadata()
    folder, now = f"run-{intent.run}/{intent.sequence}", datetime.now(UTC)
    files = [
        write_file(delta, f"{folder}-{place}.parquet", schema, _quarantined(delta, place, schema, intent, now))
        for place in range(len(intent.staged.files(BAD)))
    ]
    removed = _with_rows_of(delta, superseded.states) if superseded.states else []
    files += [
        write_file(
            delta,
            f"{folder}-discarded-{place}.parquet",
            schema,
            _without(_rows_of(delta, action["path"]), superseded, schema, intent, now),
        )
        for place, action in enumerate(removed)
    ]
    swap(delta, files, set(target.column_names), intent.stamp, removed=removed)


def breaks(intent: Intent, label: str) -> bool:
    """Whether a staged bad row breaks a rule, by its label."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    asked = [(bit, said) for bit, said in intent.labels if said == label]
    for file in intent.staged.files(BAD) if asked else ():
        store, _ = locate(intent.staged.root)
        with store.open_input_file(file.path) as stream:
            parquet = pq.ParquetFile(stream)
            masks = [name for name in parquet.schema_arrow.names if name.startswith(MASK)]
            distinct = pa.table(parquet.read(columns=masks)).group_by(masks).aggregate([])
        if any(broken_labels(asked, row) for row in distinct.to_pylist()):
            return True
    return False


def _quarantined(
    delta: "DeltaTable", place: int, schema: "pa.Schema", intent: Intent, now: datetime
) -> "Iterator[pa.Table]":
    """The bad rows of one staged file with what quarantine says of them."""
    import pyarrow as pa

    shared: dict[str, Any] = {
        "_state": WAITING,
        "_run_id": intent.run,
        "_inputs": intent.inputs_text,
        "_quarantined_at": now,
        "_state_at": now,
        "_state_by": intent.who,
        "_fixes": [],
    }
    first, name = 0, f"{intent.run}-{intent.sequence}-{place}"
    for batch in read_file(delta.table_uri, intent.staged.files(BAD)[place].path):
        ids = [f"{name}-{row}" for row in range(first, first + batch.num_rows)]
        first += batch.num_rows
        own = {"_row_id": pa.array(ids, pa.string()), "_broken_rules": _broken(batch, intent)}
        yield pa.table([_column(batch, field, own, shared) for field in schema], schema=schema)


def _column(
    batch: "pa.Table", field: "pa.Field", own: "dict[str, pa.Array]", shared: dict[str, Any]
) -> "pa.Array | pa.ChunkedArray":
    import pyarrow as pa

    if field.name in own or field.name in batch.column_names:
        return (own[field.name] if field.name in own else batch[field.name]).cast(field.type)
    return pa.array([shared.get(field.name)] * batch.num_rows, field.type)


def _broken(batch: "pa.Table", intent: Intent) -> "pa.Array":
    """The labels of the rules that each row breaks. Few rows break rules that no other row of a batch breaks."""
    import pyarrow as pa

    names = [name for name in batch.column_names if name.startswith(MASK)]
    place_of: dict[tuple[int, ...], int] = {}
    rows = zip(*(batch[name].to_pylist() for name in names), strict=True)
    places = [place_of.setdefault(masks, len(place_of)) for masks in rows]
    labels = [list(broken_labels(intent.labels, dict(zip(names, masks, strict=True)))) for masks in place_of]
    return pa.array(labels, pa.list_(pa.string())).take(pa.array(places, pa.int64()))


def _with_rows_of(delta: "DeltaTable", states: Sequence[str]) -> list[Action]:
    """The `add` actions of the files that have rows of some states."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    store, root = locate(delta.table_uri)
    chosen: list[Action] = []
    for path, action in live_files(log_of(delta.table_uri), delta.version()).items():
        there = pq.read_table(f"{root}/{unquote(path)}", columns=["_state"], filesystem=store)["_state"]
        if pc.any(pc.is_in(there, pa.array(states))).as_py():
            chosen.append(action)
    return chosen


def _rows_of(delta: "DeltaTable", path: str) -> "Iterator[pa.Table]":
    _, root = locate(delta.table_uri)
    return read_file(delta.table_uri, f"{root}/{unquote(path)}")


def _without(
    batches: "Iterator[pa.Table]", superseded: Superseded, schema: "pa.Schema", intent: Intent, now: datetime
) -> "Iterator[pa.Table]":
    """The rows of a file of the quarantine, without what a batch stands for."""
    import pyarrow as pa
    import pyarrow.compute as pc

    changes = {
        "_state": DISCARDED,
        "_state_at": now,
        "_state_by": intent.who,
        "_state_why": f"came again in run {intent.run}",
    }
    for there in batches:
        withheld = pc.fill_null(pc.equal(there["_state"], WITHHELD), False)
        batch = there.filter(pc.invert(withheld)) if superseded.forgets else there
        columns = [_column(batch, field, {}, {}) for field in schema]
        if superseded.discards:
            waits = pc.fill_null(pc.equal(batch["_state"], WAITING), False)
            columns = [
                pc.if_else(waits, pa.scalar(changes[field.name], field.type), column)
                if field.name in changes
                else column
                for field, column in zip(schema, columns, strict=True)
            ]
        yield pa.table(columns, schema=schema)
