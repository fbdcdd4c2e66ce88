"""What a run finds before it reads anything: what is new, and whether there is anything to do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lakehouse.declare.table import Table
from lakehouse.declare.write_modes import Append
from lakehouse.errors import ChangeFeedGoneError
from lakehouse.sources.kinds import is_incremental, of_partition, position_of, why_lost
from lakehouse.sources.source import ReadContext
from lakehouse.write.position import Position
from lakehouse.write.run_kind import ForPartitions, Fresh, Rebuilt, RunKind


@dataclass(frozen=True)
class Plan:
    """What a run found before it read anything.

    Args:
        since: Positions of the last commit, by name; empty where all is to be read.
        positions: Positions now, by name.
        unchanged: Nothing is new.
        kind: What the run is; of partitions, only those that are not as they should be.
        messages: What the reader of the run should know.
    """

    since: dict[str, Any]
    positions: dict[str, Any]
    unchanged: bool
    kind: RunKind = field(default_factory=Fresh)
    messages: tuple[str, ...] = ()


def plan(reads: Mapping[str, Any], context: ReadContext, last: Position | None, code: str) -> Plan:
    """Compare the positions of the inputs, and the code, with what the last publish says."""
    positions = {name: position_of(source, context) for name, source in reads.items()}
    if context.partitions is not None:
        return _plan_partitions(reads, context.partitions, last, code, positions)
    if last is None:
        return Plan({}, positions, unchanged=False)
    only_new_rows = bool(reads) and all(is_incremental(source) for source in reads.values())
    same_code = last.note.code == code or only_new_rows
    since = dict(last.note.inputs or {})
    return Plan(since, positions, unchanged=same_code and since == positions)


def _plan_partitions(
    reads: Mapping[str, Any],
    keys: Sequence[str],
    last: Position | None,
    code: str,
    positions: dict[str, Any],
) -> Plan:
    """The same for each partition by itself, so that a backfill does again only what failed or is new."""
    made_before = {} if last is None else last.made_from
    made_now = {
        key: {"code": code, "inputs": {n: of_partition(source, positions[n], key) for n, source in reads.items()}}
        for key in keys
    }
    stale = ForPartitions({key: made for key, made in made_now.items() if made_before.get(key) != made})
    return Plan({}, positions, unchanged=not stale.keys, kind=stale)


def without_lost_feeds(planned: Plan, reads: Mapping[str, Any], context: ReadContext, table: Table) -> Plan:
    """The plan with all that is to be read, if changes since the last position cannot be read any more."""
    since, positions = planned.since, planned.positions
    reasons = {
        name: reason
        for name, source in reads.items()
        if name in since and (reason := why_lost(source, context, since[name], positions[name]))
    }
    if not reasons:
        return planned
    appends = isinstance(table.write, Append)
    others = [name for name, source in reads.items() if name not in reasons and is_incremental(source)]
    if appends and others:
        raise ChangeFeedGoneError(
            f"{table.name} was not written. {' '.join(reasons.values())} It appends, and {', '.join(others)} cannot be "
            f"read again with it, so rows would come twice. Restore the log of the input, or make the table a Merge."
        )
    messages = tuple(
        f"{reason} All of it is read, at version {positions[name]}."
        + (f" {table.name} appends, so its rows are replaced in one commit." if appends else "")
        for name, reason in reasons.items()
    )
    still_read = {name: position for name, position in since.items() if name not in reasons}
    return Plan(still_read, positions, unchanged=False, kind=Rebuilt(), messages=messages)
