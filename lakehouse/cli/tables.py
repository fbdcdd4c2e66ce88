"""`tables` and `dbt`."""

from typing import TYPE_CHECKING

import typer

from lakehouse.cli.printing import Json, print_answer, print_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lakehouse.answers.tables import TableLine


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(tables)
    app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(dbt)


def tables(as_json: Json = False) -> None:
    """Every table: rows, version, quarantined rows, checks. Read from the logs alone, no server is asked."""
    from lakehouse.answers.tables import overview
    from lakehouse.workspace import current_workspace

    print_answer(overview(current_workspace()), as_json, _print_tables)


def _print_tables(lines: "Sequence[TableLine]") -> None:
    rows = [
        (line.name, str(line.rows), str(line.version), str(line.quarantined), _checks(line))
        if not line.problem
        else (line.name, "unreadable", "", "", "")
        for line in lines
    ]
    print_table(("table", "rows", "version", "quarantined", "checks passed"), rows)
    for line in lines:
        if line.problem:
            print(f"\n{line.problem}")


def _checks(line: "TableLine") -> str:
    of_table = f" ({line.checks_of_table} of the table)" if line.checks_of_table else ""
    return f"{line.checks_passed}/{line.checks}{of_table}"


def dbt(context: typer.Context) -> None:
    """Run dbt on the workspace, with its own arguments: `lakehouse dbt build`."""
    from lakehouse.dagster.dbt_process import FOLDER, manifest_of, run_dbt
    from lakehouse.workspace import current_workspace

    workspace = current_workspace()
    if context.args == ["parse"]:
        # Needs no server, and notes what it was parsed from.
        manifest_of(workspace, workspace.settings.project / FOLDER)
        return
    raise typer.Exit(run_dbt(workspace, workspace.settings.project / FOLDER, context.args or ["build"]))
