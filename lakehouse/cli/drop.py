"""`drop` and `restore`: a table out of the warehouse, after saying what is lost and what reads it, and back."""

from typing import TYPE_CHECKING, Annotated

import typer

from lakehouse.cli.printing import Json, print_json, print_table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lakehouse.project.drops import DropPlan
    from lakehouse.schema.dropped import Dropped
    from lakehouse.workspace import Workspace


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (drop, restore):
        app.command()(command)


def drop(
    name: Annotated[str | None, typer.Argument(help="layer.entities")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without, say what would be lost")] = False,
    force: Annotated[bool, typer.Option("--force", help="Also if it is declared or something reads it")] = False,
    purge: Annotated[bool, typer.Option("--purge", help="Delete for good what was dropped before")] = False,
    older_than: Annotated[
        float | None, typer.Option("--older-than", help="With --purge: dropped so many days ago; 7, if not given")
    ] = None,
    as_json: Json = False,
) -> None:
    """Remove a table from the catalogue and move its files aside; `restore` brings it back until it is purged.

    Says what is lost and what reads it. Refused while the project declares the table or something reads it. Exit
    code 2: there is something to do, and nothing was done.
    """
    from lakehouse.errors import LakehouseError
    from lakehouse.workspace import current_workspace

    if purge:
        _purge(current_workspace(), name, older_than, yes=yes, as_json=as_json)
    elif name is None:
        raise LakehouseError("drop wants a table, as in `lakehouse drop silver.orders`, or --purge")
    else:
        _drop(current_workspace(), name, yes=yes, force=force, as_json=as_json)


def _drop(workspace: "Workspace", name: str, *, yes: bool, force: bool, as_json: bool) -> None:
    from lakehouse.project import drops

    plan = drops.drop_plan(name, workspace=workspace)
    is_refused = bool(plan.against) and not force
    if not as_json:
        print("\n".join(_lines(plan, is_refused=is_refused)))
    done = drops.drop(name, force=force, workspace=workspace) if yes and not is_refused else None
    if as_json:
        print_json({**plan.to_json(), "dropped": done})
    if is_refused:
        raise drops.refusal(plan)
    if not as_json:
        print(_outcome(name, force=force, is_done=done is not None, is_kept=bool(drops.restorable(workspace, name))))
    raise typer.Exit(2 if done is None else 0)


def _outcome(name: str, *, force: bool, is_done: bool, is_kept: bool) -> str:
    from lakehouse.project.drops import RETENTION_DAYS

    if not is_done:
        return f"`lakehouse drop {name}{' --force' if force else ''} --yes` does it. Nothing was done."
    if not is_kept:
        return f"{name} is out of the catalogue."
    return (
        f"{name} is dropped. `lakehouse restore {name}` brings it back, until `lakehouse drop --purge`\n"
        f"deletes what was dropped more than {RETENTION_DAYS} days ago."
    )


def _lines(plan: "DropPlan", *, is_refused: bool) -> "Iterator[str]":
    """What would be lost, what has read it, and what is overruled. What refuses the drop is said by its error."""
    from lakehouse.project.undeclared import written_by

    loss = plan.loss
    if plan.begun is not None:
        yield f"{loss.table}: a {'restore' if plan.begun.state == 'restoring' else 'drop'} of it was cut off."
    elif not loss.is_stored:
        yield f"{loss.table}: no file of it is stored, only the catalogue has its name."
    if loss.is_stored:
        rows = "rows that its log does not tell" if loss.rows is None else f"{loss.rows} rows"
        yield f"{loss.table}: version {loss.version}, {rows}, {loss.versions} versions, {_size(loss.bytes)}"
    if loss.last_commit is not None:
        yield f"  {written_by(loss.last_commit)}"
    if loss.quarantined:
        yield f"  its quarantine: {', '.join(f'{rows} {state}' for state, rows in loss.quarantined.items())}"
    if loss.has_decision:
        yield "  the rows of a run that was cut off before it published them"
    for read in loss.read_up_to:
        yield f"  {read.reader} has read it up to {_position(read.until)}"
    for reason in () if is_refused else plan.against:
        yield f"  forced: {reason}".replace("\n", "\n    ")


def _position(until: object) -> str:
    version = until.get("version") if isinstance(until, dict) else until
    return f"version {version}" if isinstance(version, int) else str(until)


def _size(count: int) -> str:
    """Bytes in words."""
    for unit, size in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count} bytes"


def _purge(workspace: "Workspace", name: str | None, older_than: float | None, *, yes: bool, as_json: bool) -> None:
    from lakehouse.project import drops

    days = drops.RETENTION_DAYS if older_than is None else older_than
    records = drops.due(workspace, name, days=days)
    if yes:
        drops.purge(workspace, records)
    if as_json:
        print_json({"purged": yes, "drops": records})
    elif not records:
        print(f"Nothing was dropped more than {days:g} days ago.")
    else:
        _print_drops(records)
        size = _size(sum(record.bytes for record in records))
        print(f"{size} deleted." if yes else f"{size} would be deleted for good by --yes. Nothing was done.")
    raise typer.Exit(2 if records and not yes else 0)


def restore(
    name: Annotated[str | None, typer.Argument(help="layer.entities; what can be restored, if none is given")] = None,
    drop_id: Annotated[str | None, typer.Option("--id", help="Which drop of it; the newest, if none is given")] = None,
    as_json: Json = False,
) -> None:
    """Bring a dropped table back: rows, versions, quarantine and position as they were."""
    from lakehouse.project import drops
    from lakehouse.workspace import current_workspace

    workspace = current_workspace()
    if name is None:
        records = drops.restorable(workspace)
        if as_json:
            print_json(records)
        else:
            _print_drops(records)
        return
    done = drops.restore(name, drop_id=drop_id, workspace=workspace)
    if as_json:
        print_json(done)
    else:
        print(f"{name} is back at version {done.version}, as it was when it was dropped ({done.dropped_at}).")


def _print_drops(records: "Sequence[Dropped]") -> None:
    rows = [
        (drop.table, drop.id, drop.dropped_at, drop.who, _number(drop.version), _number(drop.rows), _size(drop.bytes))
        for drop in records
    ]
    print_table(("table", "id", "dropped (UTC)", "by", "version", "rows", "size"), rows)


def _number(value: int | None) -> str:
    return "" if value is None else str(value)
