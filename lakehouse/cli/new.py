"""`new table`: the files of a table that runs at once."""

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the group."""
    group = typer.Typer(help="Files for what is new.", no_args_is_help=True)
    group.callback()(_group)
    group.command()(table)
    app.add_typer(group, name="new")


def _group() -> None:
    """Files for what is new."""


def table(
    name: Annotated[str, typer.Argument(help="layer.entities")],
    columns: Annotated[
        str | None, typer.Option(help="As in DDL: 'order_id string not null, total decimal(10,2)'")
    ] = None,
    like: Annotated[Path | None, typer.Option(help="A sample: CSV, JSON lines or Parquet")] = None,
    key: Annotated[str | None, typer.Option(help="Columns that identify a row, with commas between")] = None,
    reads: Annotated[str | None, typer.Option(help="layer.entities that its rows come from")] = None,
) -> None:
    """Write a table's declaration, asset, suite and test. What is there is not written over.

    Without --reads the rows come from files in landing/. With --like the suite has expectations guessed from the
    sample; the guesses only warn.
    """
    from lakehouse.scaffold.new_table import new_table
    from lakehouse.workspace import current_workspace

    workspace = current_workspace()
    keys = [part.strip() for part in (key or "").split(",") if part.strip()]
    for path in new_table(workspace, name, columns=columns, like=like, key=keys, reads=reads):
        print(path.relative_to(workspace.settings.project))
