"""`plan` and `apply`: the tables as they are declared against the tables as they are stored."""

from typing import TYPE_CHECKING, Annotated

import typer

from lakehouse.cli.printing import Json, print_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lakehouse.schema.apply import TablePlan
    from lakehouse.schema.difference import Difference

Names = Annotated[list[str] | None, typer.Argument(help="layer.entities; all that are declared, where none is given")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (plan, apply):
        app.command()(command)


def plan(names: Names = None, as_json: Json = False) -> None:
    """What each table would have to change to be as it is declared. Exit code 0: nothing; 2: something.

    Then those that were made by older code, with what `lakehouse run TABLE --full` would read, and the tables that are
    stored and no longer declared, which `drop` removes; both do not change the exit code.
    Read from the logs; the engine is asked only to count rows that a new rule may be against.
    """
    from lakehouse.dagster.discover import project_tables
    from lakehouse.project import schema
    from lakehouse.workspace import current_workspace

    plans = schema.plan(*names or ())
    differing = [table for table in plans if table.is_declared and table.differences]
    if as_json:
        print_json(plans)
    else:
        for table in differing:
            print(f"{table.table} ({'not there yet' if table.version is None else f'version {table.version}'})")
            _print(table.differences)
        _print_older([table for table in plans if table.rebuild_reads])
        _print_undeclared([table for table in plans if not table.is_declared])
        safe = sum(difference.is_safe for table in differing for difference in table.differences)
        refused = sum(not difference.is_safe for table in differing for difference in table.differences)
        print(_counted(len(names or project_tables(current_workspace())), safe, refused))
    raise typer.Exit(2 if differing else 0)


def _counted(tables: int, safe: int, refused: int) -> str:
    if not safe + refused:
        return f"{tables} tables are as they are declared." if tables != 1 else "The table is as it is declared."
    doable = f"{safe} to do (`lakehouse apply`)" if safe else "nothing that `lakehouse apply` can do"
    return f"{doable}, {refused} refused."


def _print_older(tables: "Sequence[TablePlan]") -> None:
    if not tables:
        return
    print("Made by older code (`lakehouse run TABLE --full` makes one again, from all of what is named):")
    for table in tables:
        print(f"  {table.table} (version {table.version}): {'; '.join(table.rebuild_reads)}")


def _print_undeclared(tables: "Sequence[TablePlan]") -> None:
    if not tables:
        return
    if tables[0].is_declared is None:
        print(f"Stored, not known whether declared: {len(tables)} tables. {tables[0].remark}")
        return
    print("Stored, no longer declared (`lakehouse drop TABLE` says what would be lost with one):")
    for table in tables:
        print(f"  {table.table} (version {table.version}){f': {table.remark}' if table.remark else ''}")


def _print(differences: "Iterable[Difference]") -> None:
    for difference in differences:
        print(f"  {'' if difference.is_safe else 'refused: '}{difference}")
        if not difference.is_safe:
            print("    " + difference.way_out.replace("\n", "\n    "))


def apply(names: Names = None, as_json: Json = False) -> None:
    """Make the tables as they are declared, as far as no row is lost by it. Exit code 1: something was refused.

    Each change is one statement, under the table's lock; what is done already is left alone.
    """
    from lakehouse.project import schema

    applied = schema.apply(*names or ())
    if as_json:
        print_json(applied)
    else:
        for table in applied:
            if table.done or table.refused:
                print(f"{table.table} (version {table.version})")
                _print((*table.done, *table.refused))
        done, refused = sum(len(table.done) for table in applied), sum(len(table.refused) for table in applied)
        print(f"{done} done, {refused} refused." if done + refused else _counted(len(applied), 0, 0))
    raise typer.Exit(1 if any(table.refused for table in applied) else 0)
