"""`new table` and `new model`: the files of a table that runs, and of a dbt model that builds, at once."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from lakehouse.scaffold.new_table import Made


def register(app: typer.Typer) -> None:
    """Add the group."""
    group = typer.Typer(help="Files for what is new.", no_args_is_help=True)
    group.callback()(_group)
    group.command()(table)
    group.command()(model)
    app.add_typer(group, name="new")


def _group() -> None:
    """Files for what is new."""


def table(
    name: Annotated[str, typer.Argument(help="layer.entities")],
    columns: Annotated[
        str | None, typer.Option(help="As in DDL: 'order_id string not null, total decimal(10,2)'")
    ] = None,
    like: Annotated[
        Path | None, typer.Option(help="A sample: CSV, JSON lines or Parquet. It gives the columns and is not copied")
    ] = None,
    land: Annotated[bool, typer.Option("--land", help="Copy the sample into landing/<entities>/")] = False,
    key: Annotated[str | None, typer.Option(help="Columns that identify a row, with commas between")] = None,
    reads: Annotated[
        str | None, typer.Option(help="layer.entities that its rows come from; it gives columns and types")
    ] = None,
) -> None:
    """Write a table's declaration, asset, suite and test. What is there is not written over.

    With --reads the rows, the columns and their types come from that table; --columns takes some of them. Without it
    the rows come from files in landing/. With --like the suite has expectations guessed from the sample; the guesses
    only warn.
    """
    from lakehouse.scaffold.new_table import new_table
    from lakehouse.workspace import current_workspace

    workspace = current_workspace()
    made = new_table(workspace, name, columns=columns, like=like, land=land, key=_names(key), reads=reads)
    _tell(made, workspace.settings.project)


def model(
    name: Annotated[str, typer.Argument(help="gold.entities")],
    reads: Annotated[str, typer.Option(help="layer.entities that it selects from")],
    columns: Annotated[str | None, typer.Option(help="Those that it takes, with commas between; else all")] = None,
    key: Annotated[str | None, typer.Option(help="Columns that identify a row, with commas between")] = None,
) -> None:
    """Write a dbt model with its properties and a unit test, and name its source. What is there is not written over."""
    from lakehouse.scaffold.new_model import new_model
    from lakehouse.workspace import current_workspace

    workspace = current_workspace()
    made = new_model(workspace, name, reads=reads, columns=_names(columns), key=_names(key))
    _tell(made, workspace.settings.project)


def _names(text: str | None) -> list[str]:
    return [part.strip() for part in (text or "").split(",") if part.strip()]


def _tell(made: "Made", project: Path) -> None:
    """The files, one a line; what is left to do beside them, so that the list can be read by a program."""
    for path in made.files:
        print(path.relative_to(project))
    if made.hint:
        typer.echo(made.hint, err=True)
