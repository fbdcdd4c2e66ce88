"""`sql`: a question to Trino."""

from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(sql)


def sql(
    statement: Annotated[str, typer.Argument(help="One statement; tables are named layer.table")],
    as_csv: Annotated[bool, typer.Option("--csv", help="As CSV")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="As a JSON list of objects")] = False,
) -> None:
    """Ask all layers through Trino, which reads and never writes. Needs `lakehouse up sql`."""
    from lakehouse.cli.printing import print_csv, print_json, print_table
    from lakehouse.sql.ask_trino import ask
    from lakehouse.workspace import current_workspace

    answer = ask(current_workspace(), statement)
    if as_json:
        print_json([dict(zip(answer.columns, row, strict=True)) for row in answer.rows])
    elif as_csv:
        print_csv(answer.columns, answer.rows)
    else:
        print_table(answer.columns, answer.rows)
