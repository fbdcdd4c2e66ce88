"""`models`: the registered versions of models, and the way back to an earlier champion."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from lakehouse.cli.printing import Json, print_answer, print_table

if TYPE_CHECKING:
    from lakehouse.models.store import ModelVersion


def register(app: typer.Typer) -> None:
    """Add the group."""
    group = typer.Typer(help="Registered models: their versions, and the way back.", no_args_is_help=True)
    group.command("list")(list_versions)
    group.command()(rollback)
    app.add_typer(group, name="models")


def list_versions(
    name: Annotated[str | None, typer.Argument(help="Of a registered model; all of them, if none is given")] = None,
    as_json: Json = False,
) -> None:
    """Versions of the registered models: aliases, the tables trained on, what the gate decided, metrics."""
    from lakehouse.models.registry import registered
    from lakehouse.models.store import model_names, versions
    from lakehouse.workspace import current_workspace

    workspace = current_workspace()
    if name is None:
        listed = [version for model in model_names(workspace) for version in versions(workspace, model)]
    else:
        listed = list(registered(workspace, name))
    print_answer(listed, as_json, _print_versions)


def _print_versions(versions: "Sequence[ModelVersion]") -> None:
    columns = ("model", "version", "aliases", "trained on", "gate", "metrics")
    print_table(columns, [_line(version) for version in versions])


def _line(version: "ModelVersion") -> tuple[str | int, ...]:
    return (
        version.name,
        version.version,
        ", ".join(version.aliases),
        ", ".join(f"{table}@{number}" for table, number in version.trained_on.items()),
        (version.gate or "cut off").partition(":")[0],
        ", ".join(f"{metric} {value:.6g}" for metric, value in sorted(version.metrics.items())),
    )


def rollback(
    name: Annotated[str, typer.Argument(help="Of the registered model")],
    to: Annotated[int | None, typer.Option("--to", help="This version; the champion before, if none is given")] = None,
    as_json: Json = False,
) -> None:
    """Give the alias `champion` back to the champion before, or to a version. Nothing is trained or deleted."""
    from lakehouse.project import models

    was = models.champion_of(name)
    champion = models.rollback(name, to=to)
    answer = {"model": name, "was": None if was is None else was.version, "champion": champion.version}
    print_answer(answer, as_json, lambda _: print(_moved(was, champion)))


def _moved(was: "ModelVersion | None", champion: "ModelVersion") -> str:
    name, version = champion.name, champion.version
    if was is None:
        return f"{name}: version {version} is champion, there was none."
    if was.version == version:
        return f"{name}: version {version} is champion already, nothing was moved."
    undo = f"`lakehouse models rollback {name} --to {was.version}` takes it back."
    return f"{name}: version {version} is champion now, it was version {was.version}. {undo}"
