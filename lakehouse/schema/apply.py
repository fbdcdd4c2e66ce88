"""`plan` and `apply`: what each table would have to change to be as it is declared, and the safe part of it done."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from functools import partial
from itertools import takewhile
from typing import TYPE_CHECKING

from lakehouse.declare.table import Table
from lakehouse.delta.tables import Tables
from lakehouse.engine.session import Connection
from lakehouse.errors import LakehouseError
from lakehouse.locks.table_lock import table_lock
from lakehouse.schema.behind import behind, without_kept_columns
from lakehouse.schema.catalogue import is_in_catalogue, register
from lakehouse.schema.create import ddl, ensure
from lakehouse.schema.difference import Difference, together
from lakehouse.schema.differences import differences
from lakehouse.schema.missing import missing
from lakehouse.schema.stored import stored_of
from lakehouse.workspace import Workspace

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@dataclass(frozen=True)
class TablePlan:
    """What a table would have to change.

    Args:
        table: `layer.entities`.
        version: Delta's; None where it is not there.
        differences: In the order in which they can be done.
        is_declared: False for a table that is stored and that the project neither declares nor reads; None if that is
            not known.
        remark: Of such a table, who wrote it last, and why it is not known.
        rebuild_reads: Of a table that was made by older code, what `lakehouse run TABLE --full` would read, in words;
            empty for others.
    """

    table: str
    version: int | None
    differences: tuple[Difference, ...]
    is_declared: bool | None = True
    remark: str = ""
    rebuild_reads: tuple[str, ...] = ()


@dataclass(frozen=True)
class Applied:
    """What was done to a table.

    Args:
        table: `layer.entities`.
        version: Delta's, after it.
        done: Differences that are no more.
        refused: Differences that stay.
    """

    table: str
    version: int | None
    done: tuple[Difference, ...]
    refused: tuple[Difference, ...]


def plan(workspace: Workspace, tables: Iterable[Table], declared: Collection[str] = ()) -> list[TablePlan]:
    """What each table, its quarantine and what it remembers of deleted keys would have to change. Asks no server.

    Args:
        workspace: Where the tables are.
        tables: The declarations.
        declared: Names of all tables that are declared or belong to another tool; see `missing`.
    """
    plans = []
    for table in tables:
        plans.append(_planned(workspace, table, declared))
        plans += [_planned(workspace, other, ()) for other in behind(Tables(workspace), table)]
    return [planned for planned in plans if planned.differences]


def _planned(workspace: Workspace, table: Table, declared: Collection[str]) -> TablePlan:
    stored = stored_of(workspace, table.name)
    if stored is not None:
        return TablePlan(table.name, stored.version, without_kept_columns(table, differences(table, stored)))
    gone = missing(workspace, table, declared)
    new = Difference("create table", "", "nothing", table.grain, (ddl(table),))
    lost = gone and Difference("create table", "", f"`{gone.found}`", f"`{table.name}`", way_out=str(gone))
    return TablePlan(table.name, None, (lost or new,))


def refused_by_rows(session: "SparkSession", planned: TablePlan) -> TablePlan:
    """A plan whose differences were asked of the rows: those that rows are against are refused, with their number."""
    return replace(planned, differences=tuple(_asked(session, difference) for difference in planned.differences))


def _asked(session: "SparkSession", difference: Difference) -> Difference:
    from pyspark.errors import AnalysisException

    if not (difference.is_safe and difference.against):
        return difference
    try:
        rows = session.sql(difference.against).collect()[0][0]
    except AnalysisException:
        # It names a column that an earlier change adds or renames: asked again when that is done.
        return difference
    return _refused(difference, f"{rows} rows are against it. {difference.way_out}") if rows else difference


def _refused(difference: Difference, way_out: str) -> Difference:
    return replace(difference, statements=(), against="", way_out=way_out)


def apply(
    connection: Connection,
    table: Table,
    declared: Collection[str] = (),
    *,
    first: Callable[[], object] = lambda: None,
) -> Applied:
    """Do the safe part of a table's plan, under its lock, with as few commits as Delta allows.

    Harmless where nothing differs.

    Args:
        connection: The workspace and its session.
        table: The declaration.
        declared: See `missing`.
        first: Called under the lock before anything is changed: what a run has decided is of the table as it is.

    Raises:
        TableMissingError: the table was there and is not where it is kept any more.
    """
    workspace, session = connection.workspace, connection.session()
    with table_lock(workspace, table.name):
        first()
        before = stored_of(workspace, table.name)
        known = is_in_catalogue(session, table.name)
        gone = missing(workspace, table, declared, is_in_catalogue=known)
        if gone is not None:
            raise gone
        done: list[Difference] = []
        if before is None:
            done.append(Difference("create table", "", "nothing", table.grain, (ddl(table),)))
            ensure(Tables(workspace), session, table)
        elif not known:
            sql = register(workspace, session, table.name)
            done.append(Difference("register table", "", "nothing", workspace.table_path(table.name), (sql,)))
        more, refused = _evolve(workspace, session, table)
        for other in behind(Tables(workspace), table):
            for differing, into in zip(_evolve(workspace, session, other), (more, refused), strict=True):
                into.extend(replace(difference, name=f"{other.name}.{difference.name}") for difference in differing)
    after = stored_of(workspace, table.name)
    return Applied(table.name, after.version if after else None, (*done, *more), tuple(refused))


def _evolve(workspace: Workspace, session: "SparkSession", table: Table) -> tuple[list[Difference], list[Difference]]:
    """Make one safe change after the other, alike ones at once; what is refused, or does not work, is left and told."""
    done: list[Difference] = []
    refused: dict[tuple[str, str], Difference] = {}
    while True:
        stored = stored_of(workspace, table.name)
        if stored is None:
            raise LakehouseError(f"{table.name} was removed by another while it was changed. Run `lakehouse plan`.")
        differing = without_kept_columns(table, differences(table, stored))
        open_ = [difference for difference in differing if (difference.kind, difference.name) not in refused]
        if not open_:
            return done, [refused[difference.kind, difference.name] for difference in differing]
        alike = [difference for difference in takewhile(partial(_is_alike, open_[0]), open_) if difference not in done]
        if len(alike) > 1 and _why_refused(session, together(table, alike)) is None:
            done.extend(alike)
            continue
        outcome = _carried_out(session, _asked(session, open_[0]))
        if done.count(outcome) > 1:
            outcome = _refused(outcome, "It was changed and differs still: another writer changes it back.")
        if outcome.is_safe:
            done.append(outcome)
        else:
            refused[outcome.kind, outcome.name] = outcome


def _is_alike(first: Difference, other: Difference) -> bool:
    """Whether the two may be made by one statement: of one kind, and no row can be against them."""
    return other.kind == first.kind and other.is_safe and not other.against


def _carried_out(session: "SparkSession", difference: Difference) -> Difference:
    why = _why_refused(session, difference.statements)
    return difference if why is None else _refused(difference, f"Spark refuses it: {why}.")


def _why_refused(session: "SparkSession", statements: Iterable[str]) -> str | None:
    """Run statements; the condition of Spark's error, or None if all went well."""
    from pyspark.errors import PySparkException

    try:
        for statement in statements:
            session.sql(statement)
    except PySparkException as error:
        return error.getCondition() or type(error).__name__
    return None
