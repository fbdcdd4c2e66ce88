"""Tables out of the warehouse and back: what would be lost, what is against it, drop, restore, and delete for good."""

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from lakehouse.answers.loss import Loss, loss_of, stored_names
from lakehouse.answers.version import no_such_table
from lakehouse.dagster.discover import project_package
from lakehouse.dagster.graph import Graph, graph_of
from lakehouse.engine.failure import in_our_words
from lakehouse.engine.session import Connection
from lakehouse.errors import LakehouseError, near_miss
from lakehouse.locks import check_lease
from lakehouse.locks.table_lock import table_lock
from lakehouse.maintenance import drop as steps
from lakehouse.project.targets import Target, name_of, workspace_of
from lakehouse.project.undeclared import is_ours
from lakehouse.schema.catalogue import is_in_catalogue
from lakehouse.schema.dropped import Dropped, dropped, unfinished
from lakehouse.workspace import Workspace
from lakehouse.write.note import who
from lakehouse.write.ops_checks import CHECKS
from lakehouse.write.stored_places import owner_of

# As long as Delta keeps the files of old versions: the default of `delta.deletedFileRetentionDuration`.
RETENTION_DAYS = 7
_MOST_DAYS = 36500
# Its quarantine and its deleted keys have folders that are named after both words: 255 bytes.
_NAME = re.compile(r"\w{1,100}\.\w{1,140}", re.ASCII)


@dataclass(frozen=True)
class DropPlan:
    """What a drop would take away, and what speaks against it.

    Args:
        loss: What is stored of the table.
        against: Why it is refused unless it is forced, in sentences; empty if nothing is.
        begun: The drop, or restore, of this table that was cut off, and that a drop would finish first.
    """

    loss: Loss
    against: tuple[str, ...]
    begun: Dropped | None = None

    def to_json(self) -> dict[str, Any]:
        """All of it as plain values."""
        loss = asdict(self.loss) | {"last_commit": None}
        commit = self.loss.last_commit
        if commit is not None:
            loss["last_commit"] = {
                "version": commit.version,
                "committed_at": commit.committed_at.isoformat(),
                "who": (commit.note and commit.note.who) or commit.engine,
            }
        return {**loss, "against": list(self.against), "begun": self.begun and self.begun.to_json()}


def drop_plan(target: Target, *, workspace: Workspace | None = None) -> DropPlan:
    """What a drop of a table would take away, and what speaks against it. Changes nothing.

    Args:
        target: A table, its asset or its name.
        workspace: Where; the current one if not given.

    Raises:
        LakehouseError: there is no such table, or the warehouse is in an object store.
    """
    workspace, name = workspace_of(workspace), _table_name(name_of(target))
    steps.root_of(workspace)
    loss, begun = loss_of(workspace, name), unfinished(workspace, name)
    if not loss.is_stored:
        if begun is None and not _is_name_without_files(workspace, name):
            raise _no_such_table(workspace, name)
        # There are no rows that could be lost, or they are aside already.
        return DropPlan(loss, (), begun)
    graph = graph_of(workspace, project_package(workspace), parse=True)
    return DropPlan(loss, tuple(_against(workspace, loss, graph)), begun)


def drop(target: Target, *, force: bool = False, workspace: Workspace | None = None) -> Dropped:
    """Remove a table: out of the catalogue, and its files aside, from where `restore` brings it back.

    Its quarantine and its position go with it. What was cut off before is finished first.

    Args:
        target: A table, its asset or its name.
        force: Also if the project declares the table or something reads it.
        workspace: Where; the current one if not given.

    Returns:
        What was dropped, and under which id.

    Raises:
        LakehouseError: there is no such table, it is declared or read and `force` is not given, or the warehouse is in
            an object store; the table is as it was.
        WorkspaceBusyError: another process writes the table and did not finish.
        ServiceError: the engine is not up.
    """
    workspace, name = workspace_of(workspace), name_of(target)
    plan = drop_plan(name, workspace=workspace)
    if plan.against and not force:
        raise refusal(plan)
    said = in_our_words(workspace, lambda: f"{name} was not dropped to the end")
    with Connection(workspace) as connection, said:
        session = connection.session()
        with table_lock(workspace, owner_of(name) or name):
            check_lease(workspace)
            begun = unfinished(workspace, name)
            finished = begun and steps.finish(workspace, session, begun)
            loss = loss_of(workspace, name)
            if not loss.is_stored and finished:
                return finished
            if not loss.is_stored and not is_in_catalogue(session, name):
                raise _no_such_table(workspace, name)
            return steps.set_aside(workspace, session, _record(loss))


def refusal(plan: DropPlan) -> LakehouseError:
    """The error for a drop that something speaks against."""
    lines = "\n".join(f"  {reason}" for reason in plan.against)
    return LakehouseError(
        f"{plan.loss.table} was not dropped, it stays at version {plan.loss.version}.\n{lines}\n"
        f"Change that first, or drop it all the same with --force (`force=True`)."
    )


def restore(target: Target, *, drop_id: str | None = None, workspace: Workspace | None = None) -> Dropped:
    """Bring back a table that was dropped: rows, versions, quarantine and position as they were.

    Args:
        target: A table, its asset or its name.
        drop_id: Which drop of it; the newest if not given.
        workspace: Where; the current one if not given.

    Returns:
        The drop that was taken back.

    Raises:
        LakehouseError: nothing of it can be restored, or something is in its place again; nothing was moved.
        WorkspaceBusyError: another process writes the table and did not finish.
        ServiceError: the engine is not up.
    """
    workspace, name = workspace_of(workspace), _table_name(name_of(target))
    steps.root_of(workspace)
    _chosen(workspace, name, drop_id)
    said = in_our_words(workspace, lambda: f"{name} was not restored to the end")
    with Connection(workspace) as connection, said:
        session = connection.session()
        with table_lock(workspace, owner_of(name) or name):
            check_lease(workspace)
            record = _chosen(workspace, name, drop_id)
            steps.bring_back(workspace, session, record)
    return record


def restorable(workspace: Workspace, name: str = "*") -> list[Dropped]:
    """What can be restored, the newest drop of a table first; of one table if it is named."""
    return [record for record in dropped(workspace, name) if record.state != "purging"]


def due(workspace: Workspace, name: str | None = None, *, days: float = RETENTION_DAYS) -> list[Dropped]:
    """The drops that a purge deletes: older than so many days, and those that one was cut off at.

    Raises:
        LakehouseError: a table is named of which nothing was dropped, or the days are no number from 0 to 36500.
    """
    if not 0 <= days <= _MOST_DAYS:
        raise LakehouseError(f"nothing was deleted: expected a number of days from 0 to {_MOST_DAYS}, got {days:g}.")
    before = datetime.now(UTC) - timedelta(days=days)
    records = dropped(workspace) if name is None else dropped(workspace, _table_name(name))
    if name is not None and not records:
        raise _nothing_dropped(workspace, name)
    old = [
        record
        for record in records
        if record.state == "dropped" and datetime.fromisoformat(record.dropped_at) <= before
    ]
    return [*old, *(record for record in records if record.state == "purging")]


def purge(workspace: Workspace, records: Sequence[Dropped]) -> None:
    """Delete drops for good."""
    for record in records:
        with table_lock(workspace, owner_of(record.table) or record.table):
            steps.purge(workspace, record)


def _table_name(name: str) -> str:
    """A name that can be one of a table, and so of a folder."""
    if not _NAME.fullmatch(name):
        raise LakehouseError(f"`{name}` is no table. Expected layer.entities.")
    return name


def _against(workspace: Workspace, loss: Loss, graph: Graph) -> list[str]:
    name, owner = loss.table, owner_of(loss.table)
    reasons = []
    if name in graph.declared:
        reasons.append(f"The project declares it ({graph.declared[name]}): its next run would begin anew.")
    if name == CHECKS.name:
        reasons.append("The library keeps the results of all audits in it.")
    if owner is not None and owner in {*graph.declared, *stored_names(workspace)}:
        reasons.append(f"It belongs to {owner}, and is dropped with that.")
    reasons += [f"{str(reader)[0].upper()}{str(reader)[1:]} reads it." for reader in graph.readers_of(name)]
    named = {reader.name for reader in graph.readers_of(name)}
    reasons += [
        f"{read.reader} has read it, and is not declared by this project: another project's?"
        for read in loss.read_up_to
        if read.reader not in named and read.reader not in graph.declared
    ]
    if not is_ours(workspace, name):
        reasons.append("Its last version was made from a commit that this checkout does not have: another project's?")
    return [*reasons, *(f"Whether it is declared or read is not known: {why}" for why in graph.not_known)]


def _is_name_without_files(workspace: Workspace, name: str) -> bool:
    """Whether the catalogue has a name for a table of which nothing is stored; False if no engine is up to be asked."""
    if not (workspace.settings.spark.remote or "spark" in workspace.services()):
        return False
    with Connection(workspace) as connection:
        return is_in_catalogue(connection.session(), name)


def _no_such_table(workspace: Workspace, name: str) -> LakehouseError:
    if restorable(workspace, name):
        return LakehouseError(f"{name} is dropped already. `lakehouse restore {name}` brings it back.")
    return no_such_table(workspace, name, stored_names(workspace))


def _nothing_dropped(workspace: Workspace, name: str) -> LakehouseError:
    near = near_miss(name, [record.table for record in restorable(workspace)])
    return LakehouseError(
        f"no drop of {name} is kept in {workspace.warehouse}"
        + (f" (did you mean `{near}`?)" if near else ". `lakehouse restore` lists what can be.")
    )


def _chosen(workspace: Workspace, name: str, drop_id: str | None) -> Dropped:
    records = restorable(workspace, name)
    if not records:
        raise _nothing_dropped(workspace, name)
    begun = unfinished(workspace, name)
    if begun is not None and drop_id not in (None, begun.id):
        raise LakehouseError(
            f"{name} was not restored: drop {begun.id} of it was cut off. `lakehouse restore {name}` brings that one "
            f"back, `lakehouse drop {name} --yes` finishes it."
        )
    if drop_id is None:
        return begun or records[0]
    for record in records:
        if record.id == drop_id:
            return record
    ids = [record.id for record in records]
    raise LakehouseError(f"{name} has no drop {drop_id}. It has {', '.join(ids)}.")


def _record(loss: Loss) -> Dropped:
    now = datetime.now(UTC)
    return Dropped(
        table=loss.table,
        id=f"{now:%Y%m%dT%H%M%S%f}",
        dropped_at=now.isoformat(timespec="seconds"),
        who=who(),
        state="dropping",
        places=loss.places,
        version=loss.version,
        rows=loss.rows,
        bytes=loss.bytes,
        quarantined=dict(loss.quarantined),
    )
