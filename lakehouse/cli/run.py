"""`run`: make tables, train models and push features now, without Dagster."""

import sys
from typing import Annotated, Any

import typer

from lakehouse.cli.printing import Json, print_json


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(run)


def run(
    names: Annotated[
        list[str],
        typer.Argument(help="layer.entities of tables, models and features; one that another needs runs first"),
    ],
    partitions: Annotated[
        list[str] | None, typer.Option("--partition", help="Key of a partition; may be given again")
    ] = None,
    full: Annotated[
        bool, typer.Option("--full", help="Read all of the inputs and make the tables again, each in one commit")
    ] = False,
    downstream: Annotated[
        bool, typer.Option("--downstream", help="Then what the project makes from them, in order; with --full too")
    ] = False,
    as_json: Json = False,
) -> None:
    """Make tables, train models, push features online: as far as their inputs or their code are new.

    Dagster is not asked, and shows nothing of it. The models of dbt are made by `lakehouse dbt build`.
    """
    from lakehouse.project.runs import behind_targets, run_each

    results: list[Any] = []
    others: list[str] = []
    if downstream:
        if partitions:
            raise typer.BadParameter("--downstream goes with whole tables, not with --partition")
        behind, others = behind_targets(names)
        names = [*names, *behind]
    for result in run_each(names, partitions=partitions, full=full):
        results.append(result)
        if not as_json:
            print(result.summary)
            for line in (*getattr(result, "messages", ()), *getattr(result, "warnings", ())):
                print(f"  {line}")
    if others:
        print(f"Made by other tools from these, and not run: {', '.join(others)}.", file=sys.stderr)
    if as_json:
        print_json(results)
