"""`docs`: pages about the tables, written as static HTML."""

from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from lakehouse.workspace import Workspace


def register(app: typer.Typer) -> None:
    """Add the group."""
    group = typer.Typer(help="Pages about the tables, as static HTML.", no_args_is_help=True)
    group.callback()(_group)
    group.command()(quality)
    app.add_typer(group, name="docs")


def _group() -> None:
    """Pages about the tables, as static HTML."""


def quality() -> None:
    """Great Expectations' Data Docs: every suite, judged by GX against its table as it stands."""
    from lakehouse.workspace import current_workspace

    print(docs_quality(current_workspace()))


def docs_quality(workspace: "Workspace") -> Path:
    """Judge each suite whose table exists by GX itself, and write its Data Docs below `<home>/docs/quality`.

    Returns:
        The page to open.

    Raises:
        SuiteError: a suite cannot be read.
        ServiceError: the engine is not up.
    """
    from functools import partial

    from lakehouse.engine.failure import in_our_words
    from lakehouse.engine.session import Connection
    from lakehouse.quality.gx import Shown, data_docs
    from lakehouse.quality.suite.suite import load_suite
    from lakehouse.write.quarantine import counts, withheld_rows
    from lakehouse.write.quarantine_by_reference import WITHHELD

    said = in_our_words(workspace, lambda: "the pages about the suites were not made")
    with Connection(workspace) as connection, said:
        session = connection.session()
        suites = []
        for path in sorted(workspace.expectations.glob("*/*.json")):
            name = f"{path.parent.name}.{path.stem}"
            if not session.catalog.tableExists(name):
                print(f"{name} does not exist yet and is left out")
                continue
            suite = load_suite(path, dict(session.table(name).dtypes))
            if suite:
                refused = partial(withheld_rows, session, name) if counts(workspace, name)[WITHHELD] else None
                suites.append(Shown(suite, partial(session.table, name), refused))
        return data_docs(suites, workspace.home / "docs" / "quality")
