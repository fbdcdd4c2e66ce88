"""`quarantine`: which rows were rejected and why, and their way back."""

from typing import TYPE_CHECKING, Annotated

import typer

from lakehouse.cli.printing import Json, print_answer, print_table

if TYPE_CHECKING:
    from lakehouse.write.batch import Published

Name = Annotated[str, typer.Argument(help="layer.entities, the table that rejected them")]
Where = Annotated[str, typer.Option("--where", help="SQL condition; all that wait, where none is given")]
Why = Annotated[str, typer.Option("--why", help="The reason; it is kept with the rows")]


def register(app: typer.Typer) -> None:
    """Add the group."""
    group = typer.Typer(help="Rows that broke a rule, why, and their way back.", no_args_is_help=True)
    group.command("list")(list_tables)
    for command in (show, fix, unfix, replay, discard, reopen):
        group.command()(command)
    app.add_typer(group, name="quarantine")


def list_tables(as_json: Json = False) -> None:
    """Rows of each table that wait, were replayed or discarded, are withheld or warned of. No server is asked."""
    from lakehouse.delta.tables import table_names
    from lakehouse.errors import LakehouseError
    from lakehouse.workspace import current_workspace
    from lakehouse.write.quarantine import STATES, counts

    workspace = current_workspace()
    lines = []
    for name in table_names(workspace):
        try:
            states = counts(workspace, name)
        except (LakehouseError, OSError, ValueError) as error:
            # One that cannot be read hides no other. The text of a foreign error may hold values of the data.
            said = str(error) if isinstance(error, LakehouseError) else f"{name}: not read ({type(error).__name__})"
            typer.echo(said, err=True)
            continue
        if any(states.values()):
            lines.append({"table": name, **states})
    print_answer(lines, as_json, lambda _: print_table(("table", *STATES), [tuple(line.values()) for line in lines]))


def show(
    name: Name,
    where: Annotated[str, typer.Option("--where", help="SQL condition")] = "true",
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="So many rows")] = 20,
    every: Annotated[bool, typer.Option("--all", help="Replayed and discarded rows as well")] = False,
    as_json: Json = False,
) -> None:
    """The rows that wait, are withheld or are what a warning is about: first the rules that each broke, then it."""
    from lakehouse.declare.sql_text import quote
    from lakehouse.declare.table import quarantine_of
    from lakehouse.delta.history import version_of
    from lakehouse.engine.expression import alone, understood
    from lakehouse.engine.failure import in_our_words
    from lakehouse.engine.session import Connection
    from lakehouse.errors import LakehouseError
    from lakehouse.schema.create import UNSTORABLE
    from lakehouse.workspace import current_workspace
    from lakehouse.write.quarantine_by_reference import WAITING, WARNED, WITHHELD

    workspace = current_workspace()
    if version_of(workspace, quarantine_of(name)) is None:
        raise LakehouseError(
            f"{name} has no row in quarantine. `lakehouse quarantine list` shows the tables that have."
        )
    doing = f"{quarantine_of(name)} was not read"
    told = in_our_words(workspace, lambda: doing)
    with Connection(workspace) as connection, told, understood(doing, "that it shows"):
        frame = connection.session().table(quote(quarantine_of(name)))
        chosen = alone(frame, where)
        frame = frame.where(
            chosen if every else f"_state IN ('{WAITING}', '{WITHHELD}', '{WARNED}') AND {chosen}"
        ).limit(limit)
        names = frame.columns
        first = [column for column in names if column.startswith("_")]
        shown = frame.select(*map(quote, first), *(quote(column) for column in names if column not in first))
        # As Arrow has them: `collect` gives times in the local zone of the process, and does not say so.
        rows = shown.toArrow()
    # Those that wait are taken for granted, what is withheld or warned of says so.
    if not every and {WITHHELD, WARNED}.isdisjoint(rows["_state"].to_pylist()):
        rows = rows.drop_columns([column for column in rows.column_names if column.startswith("_state")])
    if UNSTORABLE in rows.column_names and rows[UNSTORABLE].null_count == rows.num_rows:
        rows = rows.drop_columns([UNSTORABLE])
    values = rows.to_pylist(maps_as_pydicts="lossy")
    columns = tuple(rows.column_names) if values else ()
    print_answer(values, as_json, lambda _: print_table(columns, [tuple(row.values()) for row in values]))


def fix(
    name: Name,
    changes: Annotated[list[str], typer.Option("--set", help="column = SQL expression; may be given again")],
    where: Where = "true",
    why: Why = "",
    as_json: Json = False,
) -> None:
    """Change waiting rows; what they were stays beside them, with who, when and why. Then `replay` them."""
    from lakehouse.errors import LakehouseError
    from lakehouse.project import quarantine

    parts = [change.partition("=") for change in changes]
    if not all(equals and column.strip() and sql.strip() for column, equals, sql in parts):
        raise LakehouseError('--set wants `column = expression`, as in --set "name = trim(name)"')
    sets = {column.strip().strip("`"): sql.strip() for column, _, sql in parts}
    _tell(name, "fixed", quarantine.fix(name, sets, where=where, why=why), as_json)


def unfix(name: Name, where: Where = "true", as_json: Json = False) -> None:
    """Take the last fix of waiting rows back: each is what it was before, and has one fix less."""
    from lakehouse.project import quarantine

    _tell(name, "unfixed", quarantine.unfix(name, where=where), as_json)


def discard(
    name: Name,
    where: Annotated[str, typer.Option("--where", help="SQL condition")],
    why: Why,
    as_json: Json = False,
) -> None:
    """Give waiting rows up. They stay in the quarantine, marked, with the reason; `reopen` takes it back."""
    from lakehouse.project import quarantine

    _tell(name, "discarded", quarantine.discard(name, where=where, why=why), as_json)


def reopen(name: Name, where: Where = "true", why: Why = "", as_json: Json = False) -> None:
    """Take a discard back: the rows wait again."""
    from lakehouse.project import quarantine

    _tell(name, "reopened", quarantine.reopen(name, where=where, why=why), as_json)


def replay(name: Name, where: Where = "true", as_json: Json = False) -> None:
    """Bring waiting rows through the door again: what passes is published once, what fails keeps waiting."""
    from lakehouse.project import quarantine

    print_answer(quarantine.replay(name, where=where), as_json, _print_replay)


def _print_replay(done: "Published") -> None:
    if done.unchanged:
        print("\n  ".join([f"{done.table}: no row waits", *done.messages]))
    else:
        print(
            f"{done.table}: {done.rows_in} rows replayed, {done.published} published as version {done.version}, "
            f"{done.quarantined} still wait, {done.deduplicated} had a newer row"
        )


def _tell(name: str, word: str, rows: int, as_json: bool) -> None:
    print_answer({"table": name, word: rows}, as_json, lambda _: print(f"{name}: {rows} rows {word}"))
