"""`tables`, `history` and `dbt`."""

from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (tables, history):
        app.command()(command)
    app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(dbt)


def tables(as_json: Annotated[bool, typer.Option("--json", help="For programs")] = False) -> None:
    """Every table: rows, version, quarantined rows, checks. Read from the logs alone, no server is asked."""
    from dataclasses import asdict

    from lakehouse.cli.printing import print_json, print_table
    from lakehouse.overview import overview
    from lakehouse.workspace import current

    found = overview(current())
    if as_json:
        print_json([asdict(line) for line in found])
    else:
        rows = [
            (line.name, str(line.rows), str(line.version), str(line.quarantined), f"{line.checks_passed}/{line.checks}")
            for line in found
        ]
        print_table(("table", "rows", "version", "quarantined", "checks passed"), rows)


def history(
    name: Annotated[str, typer.Argument(help="layer.entities")],
    limit: Annotated[int, typer.Option("--limit", "-n", help="So many from the newest")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="For programs")] = False,
) -> None:
    """What each version of a table says of itself: who wrote it, from what, how many rows."""
    from dataclasses import asdict

    from lakehouse.cli.printing import print_json, print_table
    from lakehouse.errors import LakehouseError, near_miss
    from lakehouse.history import history as commits
    from lakehouse.overview import table_names
    from lakehouse.workspace import current

    workspace = current()
    found = commits(workspace, name, limit)
    if not found:
        near = near_miss(name, table_names(workspace))
        raise LakehouseError(
            f"{name} does not exist in {workspace.warehouse}" + (f" (did you mean `{near}`?)" if near else "")
        )
    if as_json:
        print_json([asdict(commit) for commit in found])
        return
    rows = [
        (
            str(commit.version),
            commit.committed_at.isoformat(" ", "seconds"),
            commit.operation,
            str(commit.note.get("run", "")),
            ", ".join(f"{key} {value}" for key, value in commit.note.get("rows", {}).items()),
            ", ".join(
                f"{key}@{value if isinstance(value, int) else '...'}"
                for key, value in commit.note.get("inputs", {}).items()
            ),
        )
        for commit in found
    ]
    print_table(("version", "committed (UTC)", "operation", "run", "rows", "inputs"), rows)


def dbt(context: typer.Context) -> None:
    """Run dbt on the workspace, with its own arguments: `lakehouse dbt build`."""
    from lakehouse.dbt import run_dbt
    from lakehouse.workspace import current

    raise typer.Exit(run_dbt(current(), context.args or ["build"]))
