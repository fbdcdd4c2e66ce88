"""`quarantine`: which rows were rejected, and why."""

from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the group."""
    group = typer.Typer(help="Rows that broke a rule, with the rules and where they came from.", no_args_is_help=True)
    group.command("list")(list_tables)
    group.command("show")(show)
    app.add_typer(group, name="quarantine")


def list_tables(as_json: Annotated[bool, typer.Option("--json", help="For programs")] = False) -> None:
    """How many rows of each table wait in quarantine. Read from the logs alone, no server is asked."""
    from lakehouse.cli.printing import print_json, print_table
    from lakehouse.history import row_count
    from lakehouse.overview import table_names
    from lakehouse.table import quarantine_of
    from lakehouse.workspace import current

    workspace = current()
    rows = [(name, row_count(workspace, quarantine_of(name)) or 0) for name in table_names(workspace)]
    held = [(name, count) for name, count in rows if count]
    if as_json:
        print_json([{"table": name, "rows": count} for name, count in held])
    else:
        print_table(("table", "rows"), held)


def show(
    name: Annotated[str, typer.Argument(help="layer.entities, the table that rejected them")],
    limit: Annotated[int, typer.Option("--limit", "-n", help="So many rows")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="For programs")] = False,
) -> None:
    """The rejected rows of a table: first the rules that each broke, then what came."""
    from lakehouse.cli.printing import print_json, print_table
    from lakehouse.errors import LakehouseError
    from lakehouse.history import version_of
    from lakehouse.session import Connection
    from lakehouse.table import quarantine_of, quote
    from lakehouse.workspace import current

    workspace = current()
    if version_of(workspace, quarantine_of(name)) is None:
        raise LakehouseError(
            f"{name} has no row in quarantine. `lakehouse quarantine list` shows the tables that have."
        )
    with Connection(workspace) as connection:
        frame = connection.session().table(quote(quarantine_of(name))).limit(limit)
        first = [column for column in frame.columns if column.startswith("_")]
        rows = frame.select(*first, *(column for column in frame.columns if column not in first)).collect()
    if as_json:
        print_json([row.asDict() for row in rows])
    else:
        print_table(tuple(rows[0].asDict()) if rows else (), [tuple(row) for row in rows])
