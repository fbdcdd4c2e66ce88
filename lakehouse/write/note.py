"""The note of a publish, made from the batch and what became of its rows."""

import getpass
import socket
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from lakehouse.declare.table import Table
from lakehouse.delta.note import MOST_FILES, Note, RowCounts, Totals
from lakehouse.quality.judge import CheckResult
from lakehouse.write.batch import Batch
from lakehouse.write.run_kind import ForPartitions, Replayed, is_rebuild
from lakehouse.write.stage import BAD, OLDER, passed


def who() -> str:
    """The account and the host of this process."""
    return f"{getpass.getuser()}@{socket.gethostname()}"


def note_of(
    table: Table, batch: Batch, rows: Mapping[str, int], results: Sequence[CheckResult], before: Totals
) -> Note:
    """The note of a publish.

    Args:
        table: The declaration.
        batch: What came.
        rows: Staged rows by verdict.
        results: Results of the expectations.
        before: Counts of the table before.
    """
    kind = batch.kind
    return Note(
        asset=table.name,
        run=batch.run_id,
        batch=batch.batch_id,
        who=who(),
        started_at=batch.started_at.isoformat(timespec="milliseconds"),
        seconds=round((datetime.now(UTC) - batch.started_at).total_seconds(), 3),
        mode=type(table.write).__name__,
        inputs=batch.inputs,
        since=batch.since,
        sources=batch.sources,
        tables=batch.tables,
        code=batch.code,
        commit=batch.commit,
        rows=RowCounts(sum(rows.values()), rows[BAD], rows[OLDER]),
        checks=tuple(result.to_json() for result in results),
        totals=_totals(before, rows, is_replay=isinstance(kind, Replayed)),
        partitions=kind.keys if isinstance(kind, ForPartitions) else None,
        rebuild=is_rebuild(kind) or None,
        quarantine_version=kind.quarantine_version if isinstance(kind, Replayed) else None,
        files={name: files[:MOST_FILES] for name, files in batch.files.items()} or None,
        messages=batch.messages or None,
    )


def _totals(before: Totals, rows: Mapping[str, int], *, is_replay: bool) -> Totals:
    """Totals after a publish. A replayed row came in before: it is counted once."""
    good = passed(rows)
    return Totals(
        came=before.came + (0 if is_replay else sum(rows.values())),
        passed=before.passed + good,
        superseded=before.superseded + rows[OLDER],
        quarantined=before.quarantined + (0 if is_replay else rows[BAD]),
        replayed=before.replayed + (good + rows[OLDER] if is_replay else 0),
    )
