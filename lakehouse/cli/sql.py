"""`sql`: a question to Trino. `token`: for other clients of it."""

from datetime import timedelta
from typing import Annotated

import typer

from lakehouse.cli.printing import Json, print_answer, print_csv, print_table


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(sql)
    app.command()(token)


def sql(
    statement: Annotated[str, typer.Argument(help="One statement; tables are named layer.table")],
    as_csv: Annotated[bool, typer.Option("--csv", help="As CSV")] = False,
    as_json: Json = False,
) -> None:
    """Ask all layers through Trino, which reads and never writes. Needs `lakehouse up sql`."""
    from lakehouse.sql.ask_trino import ask
    from lakehouse.workspace import current_workspace

    answer = ask(current_workspace(), statement)
    as_text = print_csv if as_csv else print_table
    print_answer(answer, as_json, lambda _: as_text(answer.columns, answer.rows))


def token(
    user: Annotated[
        str | None, typer.Option(help="As whom Trino sees who shows it; LAKEHOUSE_TRINO__USER if not given")
    ] = None,
    hours: Annotated[int, typer.Option(min=1, max=24 * 365, help="So long it is good")] = 24,
) -> None:
    """Print a token for JDBC and other clients of the Trino of this workspace. Who has it reads all tables."""
    from lakehouse.sql.trino_access import token as token_for
    from lakehouse.workspace import current_workspace

    workspace = current_workspace()
    print(token_for(workspace, user or workspace.settings.trino.user, timedelta(hours=hours)))
