"""The note of a publish: what the commit says of itself, and what the next run must know."""

import getpass
import json
import socket
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from lakehouse.declare.table import Table
from lakehouse.delta.history import MARK
from lakehouse.quality.judge import CheckResult
from lakehouse.write.batch import Batch
from lakehouse.write.stage import BAD, OLDER, passed

# Counts since the table was made: in = passed + superseded + quarantined - replayed.
TOTALS = ("in", "passed", "superseded", "quarantined", "replayed")

# A note names so many files of each input; a commit must stay small.
FILES = 1000


def who() -> str:
    """The account and the host of this process."""
    return f"{getpass.getuser()}@{socket.gethostname()}"


def note_of(
    table: Table, batch: Batch, rows: Mapping[str, int], results: Sequence[CheckResult], before: Mapping[str, Any]
) -> dict[str, Any]:
    """The note of a publish, for `userMetadata`.

    Args:
        table: The declaration.
        batch: What came.
        rows: Staged rows by verdict.
        results: Results of the expectations.
        before: The position before.
    """
    note: dict[str, Any] = {
        MARK: 1,
        "asset": table.name,
        "run": batch.run_id,
        "batch": batch.batch_id,
        "who": who(),
        "started_at": batch.started_at.isoformat(timespec="milliseconds"),
        "seconds": round((datetime.now(UTC) - batch.started_at).total_seconds(), 3),
        "mode": type(table.write).__name__,
        "inputs": batch.inputs,
        "since": batch.since,
        "sources": batch.sources,
        "code": batch.code,
        "commit": batch.commit,
        "rows": {"in": sum(rows.values()), "quarantined": rows[BAD], "superseded": rows[OLDER]},
        "checks": [result.to_json() for result in results],
        "totals": _totals(before.get("totals", {}), rows, is_replay=batch.replay is not None),
    }
    if batch.partitions is not None:
        note["partitions"] = list(batch.partitions)
    if batch.replay is not None:
        note["replay"] = {"quarantine_version": batch.replay}
    if batch.files:
        note["files"] = {name: files[:FILES] for name, files in batch.files.items()}
    if batch.messages:
        note["messages"] = list(batch.messages)
    return note


def _totals(before: Mapping[str, int], rows: Mapping[str, int], *, is_replay: bool) -> dict[str, int]:
    """Totals after a publish. A replayed row came in before: it is counted once."""
    good = passed(rows)
    added = {
        "in": 0 if is_replay else sum(rows.values()),
        "passed": good,
        "superseded": rows[OLDER],
        "quarantined": 0 if is_replay else rows[BAD],
        "replayed": good + rows[OLDER] if is_replay else 0,
    }
    return {name: before.get(name, 0) + added[name] for name in TOTALS}


def position_of_note(note: Mapping[str, Any], batch: Batch, before: Mapping[str, Any]) -> dict[str, Any]:
    """What the next run must know: the note, and what each partition was made from."""
    memory = {**before.get("memory", {}), **batch.memory}
    return {**note, "memory": memory} if memory else dict(note)


def inputs_text(note: Mapping[str, Any]) -> str:
    """The positions of the inputs as JSON."""
    return json.dumps(note["inputs"], separators=(",", ":"))
