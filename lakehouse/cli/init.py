"""`init` and `upgrade`: a project of one's own."""

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(init)
    app.command()(upgrade)


def init(
    name: Annotated[str, typer.Argument(help="Of the project and its folder: lower case letters, digits and _")],
    sample: Annotated[
        bool, typer.Option("--sample", help="With one CSV that goes through bronze, silver, gold")
    ] = False,
) -> None:
    """Make the folder of a new project here: tables, suites, dbt, Dagster's graph, tests. It works at once."""
    from lakehouse.scaffold.project.new_project import installed_from, new_project

    project = new_project(Path.cwd(), name, has_sample=sample)
    print(f"{project} is a project. Next: cd {name} && make test")
    wheel = installed_from()
    if wheel:
        print(f"`make` installs the library from {wheel} (local.mk, which is this machine's own).")


def upgrade(
    diff: Annotated[bool, typer.Option("--diff", help="Write nothing; show what separates the edited files")] = False,
) -> None:
    """Bring the project's Makefile, dbt macros and the like to the installed release, if you have not edited them."""
    from lakehouse.scaffold.project.upgrade import plan_upgrade, upgrade_project
    from lakehouse.settings import load

    project = load().project
    planned = plan_upgrade(project)
    if diff:
        print(planned.differences(project), end="")
        return
    upgrade_project(project, planned)
    for place in planned.written:
        print(f"written      {place}")
    for place in planned.edited:
        print(f"left alone   {place}: it was edited here (`lakehouse upgrade --diff` shows what the library has)")
    for place in planned.removed:
        print(f"left out     {place}: it was removed here")
    for place in planned.dropped:
        print(f"yours now    {place}: the library makes it no longer")
    print(f"{project}: from release {planned.before} to {planned.after}, {len(planned.written)} files written")
