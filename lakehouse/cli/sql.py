"""`sql`: a question to Trino."""

from typing import Annotated

import typer

from lakehouse.cli.printing import Json, print_answer, print_csv, print_table


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(sql)


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
