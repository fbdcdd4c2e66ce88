"""`run`: make tables now, without Dagster."""

from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(run)


def run(
    names: Annotated[list[str], typer.Argument(help="layer.entities, in the order in which they are made")],
    partitions: Annotated[
        list[str] | None, typer.Option("--partition", help="Key of a partition; may be given again")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs")] = False,
) -> None:
    """Make tables from what is new in their inputs. Dagster is not asked, and shows nothing of it."""
    from lakehouse.cli.printing import print_json
    from lakehouse.dagster.discover import chosen, project_package, table_assets
    from lakehouse.dagster.table_asset import summary
    from lakehouse.engine.session import Connection
    from lakehouse.workspace import current_workspace

    workspace = current_workspace()
    assets = {asset.table.name: asset for asset in table_assets(project_package(workspace))}
    tables = chosen([asset.table for asset in assets.values()], names)
    found = []
    with Connection(workspace) as connection:
        for table in tables:
            done = assets[table.name].materialize(connection, partitions=partitions)
            found.append(done)
            if not as_json:
                print(summary(done))
                for line in done.messages:
                    print(f"  {line}")
    if as_json:
        shown = ("table", "version", "unchanged", "rows_in", "published", "quarantined", "deduplicated", "messages")
        print_json([{name: getattr(done, name) for name in shown} for done in found])
