"""`repair`: back to the last good version of a damaged log, or to a decision that was set aside."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from lakehouse.cli.printing import Json, print_json, print_table

if TYPE_CHECKING:
    from lakehouse.delta.history import Commit
    from lakehouse.maintenance.repair_log import Repair, TakenBack
    from lakehouse.write.set_aside import SetAside


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

    The entries that are taken back are kept beside the log. No server may be up. If the log is whole: put back what a
    run had decided and what was set aside because it could not be carried out; the next run tries it again. Exit code
    2: there is something to repair, and nothing was done.
    """
    from lakehouse.answers.version import no_such_table
    from lakehouse.delta.log import log_of
    from lakehouse.maintenance.repair_log import planned
    from lakehouse.maintenance.repair_log import repair as repaired
    from lakehouse.project.set_aside import put_back
    from lakehouse.workspace import current_workspace
    from lakehouse.write.set_aside import shown

    workspace = current_workspace()
    log = log_of(workspace.table_path(name))
    aside = shown(workspace, name)
    if not log.commits and not log.checkpoints and aside is None:
        raise no_such_table(workspace, name)
    plan = repaired(workspace, name, to) if yes else planned(workspace, name, to)
    is_put_back = plan is None and aside is not None and yes and to is None
    if is_put_back:
        put_back(workspace, name)
    if as_json:
        print_json(
            {
                "table": name,
                "repaired": yes and plan is not None,
                "plan": None if plan is None else _plain(plan),
                "set_aside": aside and {key: value for key, value in vars(aside).items() if key != "decision"},
                "put_back": is_put_back,
            }
        )
    elif plan is not None:
        _tell(plan, is_done=yes)
    elif aside is None:
        print(f"The log of {name} is whole: nothing to repair.")
    else:
        _tell_aside(aside, is_done=is_put_back)
    if (plan is not None or aside is not None) and not yes:
        raise typer.Exit(2)


def _tell_aside(aside: "SetAside", *, is_done: bool) -> None:
    name = aside.table
    print(f"The log of {name} is whole. What run {aside.run} had decided about {aside.rows} rows could not be carried")
    print(f"out ({aside.reason}) and was set aside at {aside.at}.")
    if is_done:
        print(f"It is the open decision again: the next run of {name} carries it out.")
    else:
        print(f"The next run of {name} that publishes reads its inputs again, and forgets it.")
        print(f"`lakehouse repair {name} --yes` puts it back instead: the next run tries to carry it out again.")


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
