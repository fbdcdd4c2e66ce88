"""What a run finds before it reads anything: what is new, and whether there is anything to do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from lakehouse.declare.table import Table
from lakehouse.declare.write_modes import Scd2
from lakehouse.errors import ChangeFeedGoneError
from lakehouse.sources.kinds import (
    can_reread,
    dependency,
    identity_of,
    is_incremental,
    of_partition,
    position_of,
    why_lost,
)
from lakehouse.sources.source import ReadContext
from lakehouse.write.position import Position
from lakehouse.write.run_kind import ForPartitions, Fresh, Rebuilt, RunKind


@dataclass(frozen=True)
class Extent:
    """How much of a table a run is asked to make.

    Args:
        partitions: Keys of the partitions to make; None for the whole table.
        full: Whether all of the inputs is read and made again, in one commit; otherwise only what is new.
    """

    partitions: Sequence[str] | None = None
    full: bool = False


NEWS = Extent()


@dataclass(frozen=True)
class Plan:
    """What a run found before it read anything.

    Args:
        since: Positions of the last commit, by name; empty where all is to be read.
        positions: Positions now, by name.
        unchanged: Nothing is new.
        tables: Delta's ids of the tables that the inputs are, by name.
        remade: The inputs that are other tables than those that were read, by name, with what is said of it.
        kind: What the run is; of partitions, only those that are not as they should be.
        messages: What the reader of the run should know.
    """

    since: dict[str, Any]
    positions: dict[str, Any]
    unchanged: bool
    tables: dict[str, str] = field(default_factory=dict)
    remade: dict[str, str] = field(default_factory=dict)
    kind: RunKind = field(default_factory=Fresh)
    messages: tuple[str, ...] = ()


def plan(
    reads: Mapping[str, Any], context: ReadContext, last: Position | None, code: str, *, full: bool = False
) -> Plan:
    """Compare the positions of the inputs, and the code, with what the last publish says.

    Args:
        reads: The inputs, by name.
        context: Who reads.
        last: What the last publish says; None before the first.
        code: Digest of the code.
        full: Whether all is to be read and made again, whatever is new.
    """
    positions = {name: position_of(source, context) for name, source in reads.items()}
    tables = {name: of for name, source in reads.items() if (of := identity_of(source, context))}
    if context.partitions is not None:
        made_before = {} if last is None or full else last.made_from
        return _plan_partitions(reads, context.partitions, made_before, code, positions, tables)
    if full:
        return Plan({}, positions, unchanged=False, tables=tables, kind=Rebuilt())
    if last is None:
        return Plan({}, positions, unchanged=False, tables=tables)
    only_new_rows = bool(reads) and all(is_incremental(source) for source in reads.values())
    same_code = last.note.code == code or only_new_rows
    since, before = dict(last.note.inputs or {}), last.note.tables or {}
    remade = {
        name: f"{dependency(reads[name])} was dropped and made again since it was read."
        for name, of in tables.items()
        if before.get(name, of) != of
    }
    return Plan(
        since, positions, unchanged=same_code and since == positions and not remade, tables=tables, remade=remade
    )


def _plan_partitions(
    reads: Mapping[str, Any],
    keys: Sequence[str],
    made_before: Mapping[str, Any],
    code: str,
    positions: dict[str, Any],
    tables: dict[str, str],
) -> Plan:
    """The same for each partition by itself, so that a backfill does again only what failed or is new."""
    made_now = {
        key: {
            "code": code,
            "inputs": {n: of_partition(source, positions[n], key) for n, source in reads.items()},
            **({"tables": tables} if tables else {}),
        }
        for key in keys
    }
    stale = ForPartitions({key: made for key, made in made_now.items() if not _is_as(made_before.get(key), made)})
    return Plan({}, positions, unchanged=not stale.keys, tables=tables, kind=stale)


def _is_as(before: Mapping[str, Any] | None, now: Mapping[str, Any]) -> bool:
    """Whether a partition was made from what it would be made from now. Older positions do not name the tables."""
    return before is not None and {"tables": now.get("tables"), **before} == {"tables": None, **now}


def as_snapshot(planned: Plan, table: Table) -> Plan:
    """The plan of a table that takes snapshots: made again from all of its inputs, it keeps states that they lack."""
    if not (table.takes_snapshots and isinstance(planned.kind, Rebuilt)):
        return planned
    line = f"{table.name} is a history of snapshots: what there is now was compared with it, and its past is kept."
    return replace(planned, kind=Fresh(), messages=(*planned.messages, line))


def without_lost_feeds(planned: Plan, reads: Mapping[str, Any], context: ReadContext, table: Table) -> Plan:
    """The plan with all that is to be read, if changes since the last position cannot be read any more.

    Then every input of which only new rows are read is read whole, and the rows replace those of the table: what an
    input has lost meanwhile goes, and what waits in quarantine came again. A history keeps what it has.

    Raises:
        ChangeFeedGoneError: another input cannot be read whole again.
    """
    since, positions = planned.since, planned.positions
    reasons = {
        name: reason
        for name, source in reads.items()
        if name in since
        and is_incremental(source)
        and (reason := planned.remade.get(name) or why_lost(source, context, since[name], positions[name]))
    }
    told = (*planned.messages, *(line for name, line in planned.remade.items() if name not in reasons))
    if not reasons:
        return replace(planned, messages=told)
    others = [name for name, source in reads.items() if name not in reasons and is_incremental(source)]
    kept = [name for name in others if not can_reread(reads[name])]
    replaces = not isinstance(table.write, Scd2)
    if kept and replaces:
        raise ChangeFeedGoneError(
            f"{table.name} was not written. {' '.join(reasons.values())} All must be read again, and of "
            f"{', '.join(kept)} it is not known whether all that was read is still there. "
            f"`lakehouse run {table.name} --full` makes the table from what is there now."
        )
    messages = [f"{reason} All of it is read, at version {positions[name]}." for name, reason in reasons.items()]
    if replaces:
        messages[-1] += f" The rows of {table.name} are replaced in one commit."
    kind = Rebuilt(replaces) if not kept else Fresh()
    still_read = {name: position for name, position in since.items() if name in kept}
    return replace(planned, since=still_read, unchanged=False, kind=kind, messages=(*told, *messages))
