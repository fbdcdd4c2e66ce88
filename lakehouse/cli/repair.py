"""`repair`: back to the last good version of a table whose log is damaged."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from lakehouse.cli.printing import Json, print_json, print_table

if TYPE_CHECKING:
    from lakehouse.delta.history import Commit
    from lakehouse.maintenance.repair_log import Repair, TakenBack


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(repair)


def repair(
    name: Annotated[str, typer.Argument(help="layer.entities")],
    to: Annotated[int | None, typer.Option(help="Go back to this version; the last good one, if none is given")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without, say what would be taken back")] = False,
    as_json: Json = False,
) -> None:
    """Go back to the last good version of a table whose log has a missing, empty or torn entry.

    The entries that are taken back are kept beside the log. No server may be up. Exit code 2: there is something to
    repair, and nothing was done.
    """
    from lakehouse.answers.version import no_such_table
    from lakehouse.delta.log import log_of
    from lakehouse.maintenance.repair_log import planned
    from lakehouse.maintenance.repair_log import repair as repaired
    from lakehouse.workspace import current_workspace

    workspace = current_workspace()
    log = log_of(workspace.table_path(name))
    if not log.commits and not log.checkpoints:
        raise no_such_table(workspace, name)
    plan = repaired(workspace, name, to) if yes else planned(workspace, name, to)
    if as_json:
        print_json(
            {"table": name, "repaired": yes and plan is not None, "plan": None if plan is None else _plain(plan)}
        )
    elif plan is None:
        print(f"The log of {name} is whole: nothing to repair.")
    else:
        _tell(plan, is_done=yes)
    if plan is not None and not yes:
        raise typer.Exit(2)


def _plain(plan: "Repair") -> dict[str, Any]:
    entries = [
        {"version": entry.version, "state": entry.state, "commit": entry.commit and _commit(entry.commit)}
        for entry in plan.taken_back
    ]
    return {"to": plan.to, "last": plan.last, "aside": plan.aside, "taken_back": entries}


def _commit(commit: "Commit") -> dict[str, Any]:
    note = commit.note
    return {
        "committed_at": commit.committed_at,
        "operation": commit.operation,
        "run": note and note.run,
        "rows": note and note.rows,
    }


def _tell(plan: "Repair", *, is_done: bool) -> None:
    columns = ("version", "entry", "committed (UTC)", "operation", "run", "rows")
    print_table(columns, [_line(entry) for entry in plan.taken_back])
    name = plan.table
    if is_done:
        print(f"{name} has the rows of version {plan.to}, as version {plan.last}. The entries are in {plan.aside}.")
        print(
            f"Materialise {name} again: what was taken back is read anew. Tables that have read it keep what they took."
        )
    else:
        print(f"`lakehouse repair {name} --yes` takes these back: {name} has the rows of version {plan.to} then, as")
        print(f"version {plan.last}. The entries are kept in {plan.aside}. Nothing was done.")


def _line(entry: "TakenBack") -> tuple[str, ...]:
    commit = entry.commit
    if commit is None:
        return (str(entry.version), entry.state, "", "", "", "")
    note = commit.note
    rows = note.rows.to_json() if note is not None and note.rows is not None else {}
    return (
        str(entry.version),
        entry.state,
        commit.committed_at.strftime("%Y-%m-%d %H:%M:%S"),
        commit.operation,
        (note.run if note is not None else None) or "",
        ", ".join(f"{count} {what}" for what, count in rows.items()),
    )
