"""`accounts`: where every row that ever came to a table is now."""

from typing import TYPE_CHECKING, Annotated

import typer

from lakehouse.cli.printing import Json, print_answer, print_table

if TYPE_CHECKING:
    from lakehouse.answers.row_accounts import Accounts


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(accounts)


def accounts(
    name: Annotated[str, typer.Argument(help="layer.entities")],
    version: Annotated[
        int | None, typer.Option("--version", help="At an earlier version; now, if none is given")
    ] = None,
    as_json: Json = False,
) -> None:
    """Where every row that ever came to a table is. Exit code 1: the counts do not add up.

    Read from the logs, no server is asked. At an earlier version, waiting and discarded rows are one count.
    """
    from lakehouse.project.answers import row_accounts

    counts = row_accounts(name, version=version)
    print_answer(counts, as_json, _print)
    raise typer.Exit(0 if counts.add_up else 1)


def _print(counts: "Accounts") -> None:
    when = "now" if counts.version is None else f"at version {counts.version}"
    print(f"{counts.table}, {when}: {counts.rows_in} rows came through the door")
    if not counts.rows_in:
        print("Rows that other writers put there are not counted.")
    rows = (
        ("passed the audit", counts.passed),
        ("deduplicated by a newer row of their batch", counts.superseded),
        ("in quarantine, waiting", counts.waiting),
        ("in quarantine, discarded", counts.discarded),
        ("in quarantine, waiting or discarded", counts.in_quarantine),
        ("in flight: a run has decided and not finished", counts.in_flight),
    )
    print_table(("where they are", "rows"), [row for row in rows if row[1] is not None])
    print("The counts add up." if counts.add_up else "The counts do NOT add up: rows are lost, or counted twice.")
