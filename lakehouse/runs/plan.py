"""What a run finds before it reads anything: what is new, and whether there is anything to do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lakehouse.declare.table import Table
from lakehouse.declare.write_modes import Append
from lakehouse.errors import ChangeFeedGoneError
from lakehouse.sources.kinds import is_incremental, of_partition, position_of, why_lost
from lakehouse.sources.source import ReadContext

if TYPE_CHECKING:
    pass


@dataclass(frozen=True)
class Plan:
    """What a run found before it read anything.

    Args:
        since: Positions of the last commit, by name; empty where all is to be read.
        positions: Positions now, by name.
        unchanged: Nothing is new.
        partitions: Keys of the partitions that are not as they should be; None for a run of the whole table.
        memory: What each of these partitions is made from now, by key.
        rebuild: The last position is of no use: all is read again.
        messages: What the reader of the run should know.
    """

    since: dict[str, Any]
    positions: dict[str, Any]
    unchanged: bool
    partitions: tuple[str, ...] | None = None
    memory: dict[str, Any] = field(default_factory=dict)
    rebuild: bool = False
    messages: tuple[str, ...] = ()


def plan(reads: Mapping[str, Any], context: ReadContext, last: Mapping[str, Any], code: str) -> Plan:
    """Compare the positions of the inputs, and the code, with what the last commit says."""
    positions = {name: position_of(source, context) for name, source in reads.items()}
    if context.partitions is not None:
        return _plan_partitions(reads, context.partitions, last, code, positions)
    only_new_rows = bool(reads) and all(is_incremental(source) for source in reads.values())
    same_code = last.get("code") == code or only_new_rows
    since = dict(last.get("inputs", {}))
    return Plan(since, positions, unchanged=bool(last) and same_code and since == positions)


def _plan_partitions(
    reads: Mapping[str, Any],
    keys: Sequence[str],
    last: Mapping[str, Any],
    code: str,
    positions: dict[str, Any],
) -> Plan:
    """The same for each partition by itself, so that a backfill does again only what failed or is new."""
    made = last.get("memory", {})
    memory = {
        key: {"code": code, "inputs": {n: of_partition(source, positions[n], key) for n, source in reads.items()}}
        for key in keys
    }
    stale = tuple(key for key in keys if made.get(key) != memory[key])
    return Plan({}, positions, not stale, stale, {key: memory[key] for key in stale})


def without_lost_feeds(found: Plan, reads: Mapping[str, Any], context: ReadContext, table: Table) -> Plan:
    """Where changes since the last position cannot be read any more, all is read."""
    lost = {
        name: reason
        for name, source in reads.items()
        if name in found.since and (reason := why_lost(source, context, found.since[name], found.positions[name]))
    }
    if not lost:
        return found
    appends = isinstance(table.write, Append)
    kept = {name: since for name, since in found.since.items() if name not in lost}
    others = [name for name, source in reads.items() if name not in lost and is_incremental(source)]
    if appends and others:
        raise ChangeFeedGoneError(
            f"{table.name} was not written. {' '.join(lost.values())} It appends, and {', '.join(others)} cannot be "
            f"read again with it, so rows would come twice. Restore the log of the input, or make the table a Merge."
        )
    messages = tuple(
        f"{reason} All of it is read, at version {found.positions[name]}."
        + (f" {table.name} appends, so its rows are replaced in one commit." if appends else "")
        for name, reason in lost.items()
    )
    return Plan(kept, found.positions, unchanged=False, rebuild=True, messages=messages)
