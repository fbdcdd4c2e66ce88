"""`run`: make tables, train models and push features now, without Dagster."""

from typing import Annotated

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
    as_json: Json = False,
) -> None:
    """Make tables, train models, push features online: as far as their inputs or their code are new.

    Dagster is not asked, and shows nothing of it. The models of dbt are made by `lakehouse dbt build`.
    """
    from lakehouse.project.runs import run_each

    results = []
    for result in run_each(names, partitions=partitions):
        results.append(result)
        if not as_json:
            print(result.summary)
            for line in getattr(result, "messages", ()):
                print(f"  {line}")
    if as_json:
        print_json(results)
