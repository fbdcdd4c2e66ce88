"""A decision that cannot be carried out, set aside: its rows are withheld with the reason, its inputs are read again.

It is kept in a file until the table's next publish, and can be put back until then.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from lakehouse.declare.sql_text import literal
from lakehouse.declare.table import Table, deleted_of, quarantine_of
from lakehouse.delta.history import commits_of, last_note
from lakehouse.delta.partition_values import any_of
from lakehouse.delta.stamp import is_done
from lakehouse.delta.tables import Tables
from lakehouse.errors import DamagedDecisionError
from lakehouse.storage import delete_file, delete_folder, read_json, write_json
from lakehouse.workspace import Workspace
from lakehouse.write.intent import Intent, close_intent, intent_place, save_intent, set_aside_place
from lakehouse.write.position import committed
from lakehouse.write.quarantine import settle_replayed, with_reasons
from lakehouse.write.run_kind import ForPartitions, Replayed
from lakehouse.write.stage import BAD, PASSED, Staged
from lakehouse.write.withheld import take_back, withhold

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@dataclass(frozen=True)
class SetAside:
    """A decision that was set aside, and can be put back.

    Args:
        table: `layer.entities`.
        run: The run that decided.
        reason: Why it could not be carried out: the name of an error.
        at: When it was set aside, UTC, ISO.
        rows: Its rows.
        decision: What was decided.
    """

    table: str
    run: str
    reason: str
    at: str
    rows: int
    decision: Mapping[str, Any]


def _uri(workspace: Workspace, name: str) -> str:
    return f"{workspace.warehouse}/{set_aside_place(name)}"


def next_sequence(tables: Tables, name: str) -> int:
    """The number of the next publish of a table."""
    # The quarantine may be ahead: fixes and discards take numbers of their own there. Both outlive the table.
    places = (name, quarantine_of(name), deleted_of(name))
    return max(committed(tables.latest(place), name) for place in places) + 1


def set_aside(tables: Tables, session: "SparkSession", table: Table, intent: Intent, reason: str) -> str:
    """Take a decision out of the way. What it did to the quarantine is taken back. Safe to do again after a crash.

    Args:
        tables: The tables that the run touches.
        session: The session.
        table: The declaration by which it was decided.
        intent: The decision. It has not been published.
        reason: Why it could not be carried out: the name of an error.

    Returns:
        What was done, in words.
    """
    workspace, name = tables.workspace, table.name
    is_replay = isinstance(intent.kind, Replayed)
    kept = True if is_replay else _withheld(tables, session, table, intent, reason)
    aside = SetAside(
        name, intent.run, reason, datetime.now(UTC).isoformat(timespec="seconds"), sum(intent.rows.values()), {}
    )
    forget_set_aside(workspace, name, but=intent.run)
    write_json(_uri(workspace, name), {**asdict(aside), "decision": replace(intent, failure=None).to_json()})
    close_intent(workspace, name)
    if is_replay:
        where = "they wait in quarantine as before"
    else:
        where = "they are withheld in quarantine" if kept else "their files cannot be read"
        where += f", and the next run of {name} that is not refused reads the inputs again"
    return (
        f"What run {intent.run} had decided about {aside.rows} rows could not be carried out ({reason}) and was set "
        f"aside: {where}. `lakehouse repair {name}` shows it."
    )


def _withheld(tables: Tables, session: "SparkSession", table: Table, intent: Intent, reason: str) -> bool:
    """Withhold the rows of a decision; False if their files cannot be read."""
    from pyspark.errors import PySparkException

    beside = tables.latest(quarantine_of(table.name))
    is_added = beside is not None and is_done(beside, intent.stamp)
    if is_added:
        take_back(session, table, intent.run, f"the decision could not be carried out: {reason}")
    partitions = intent.replaced if isinstance(intent.kind, ForPartitions) else None
    where = any_of(partitions or (), table.types) or "true"
    said = f"array({literal(f'set aside: {reason}')})"
    inputs = intent.inputs_text
    try:
        rows = with_reasons(intent.staged.frame(session, *PASSED), said, intent.run, inputs)
        if not is_added:
            bad = intent.staged.frame(session, BAD)
            rows = rows.unionByName(with_reasons(bad, intent.broken_sql, intent.run, inputs))
        # Those that it brought itself are withheld already; what a first try of this left is made anew.
        own = f"array_contains(_broken_rules, {literal(f'set aside: {reason}')})"
        other = f"(_run_id <> {literal(intent.run)} OR {own})" if is_added else "true"
        withhold(
            tables, session, table, rows, run=intent.run, why=f"set aside: {reason}", where=f"({where}) AND {other}"
        )
    except PySparkException:
        return False
    return True


def set_damaged_aside(tables: Tables, session: "SparkSession", table: Table, error: DamagedDecisionError) -> str:
    """The same for a decision whose file cannot be read: nothing is known of it but what it has done already."""
    name, workspace = table.name, tables.workspace
    delta, beside = tables.latest(name), tables.latest(quarantine_of(name))
    published, quarantined = committed(delta, name), committed(beside, name)
    if beside is not None and quarantined > published:
        take_back(session, table, _last_run(beside), "the decision cannot be read any more")
    if delta is not None and beside is not None and published > quarantined:
        last = last_note(delta)
        if last is not None and last.quarantine_version is not None:
            staged = Staged(workspace.table_path(name), f"run-{last.run}", "`_row_id` string")
            settle_replayed(session, table, staged, last.run or "")
    aside = f"{workspace.warehouse}/{intent_place(name)}.damaged"
    _move(error.file, aside)
    return (
        f"The decision of a run that was cut off could not be read ({error.reason}) and was set aside as {aside}. What "
        f"that run had read is read again."
    )


def _last_run(beside: Any) -> str:
    """The run that brought rows to a quarantine last."""
    runs = (note.run for commit in commits_of(beside) if (note := commit.note) and note.run and note.action is None)
    return next(runs, "") or ""


def _move(file: str, to: str) -> None:
    from lakehouse.storage import locate

    store, path = locate(file)
    store.move(path, locate(to)[1])


def shown(workspace: Workspace, name: str) -> SetAside | None:
    """The decision of a table that was set aside and can be put back; None if there is none, or it cannot be read."""
    with suppress(TypeError, ValueError):
        values = read_json(_uri(workspace, name))
        return None if values is None else SetAside(**values)
    return None


def put_back(tables: Tables, aside: SetAside) -> None:
    """Make a decision that was set aside the open one again: the next run carries it out.

    The caller holds the table's lock, and no decision is open. It gets a new number: what it did under the old one was
    taken back.
    """
    intent = Intent.from_json(aside.decision)
    save_intent(tables.workspace, replace(intent, sequence=next_sequence(tables, aside.table)))
    delete_file(_uri(tables.workspace, aside.table))


def forget_set_aside(workspace: Workspace, name: str, *, but: str = "") -> None:
    """Delete a decision that was set aside, with its staged files: its inputs were read again.

    Args:
        workspace: The workspace.
        name: `layer.entities`.
        but: A run whose staged files are still needed.
    """
    aside = shown(workspace, name)
    if aside is not None and aside.run != but:
        delete_folder(Intent.from_json(aside.decision).staged.path)
    delete_file(_uri(workspace, name))
