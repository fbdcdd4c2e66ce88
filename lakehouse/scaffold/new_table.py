"""`lakehouse new table`: the files of a table that runs at once. Nothing that is there is written over."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lakehouse.declare.column import Column
from lakehouse.declare.table import Table
from lakehouse.declare.write_modes import Append, Merge
from lakehouse.errors import DeclarationError, LakehouseError, near_miss
from lakehouse.scaffold.blueprint import Blueprint, Field, Origin, checked_name, parse_columns, title
from lakehouse.scaffold.example import example_line
from lakehouse.scaffold.new_files import write_new
from lakehouse.scaffold.parent import parent_of, refuse_declared, taken
from lakehouse.scaffold.render import python
from lakehouse.scaffold.sample import Sample, read_sample
from lakehouse.scaffold.suggest import suite
from lakehouse.workspace import Workspace

_TEMPLATES = {
    "csv": ("asset_of_lines.py", "test_of_lines.py"),
    "json": ("asset_of_lines.py", "test_of_lines.py"),
    "parquet": ("asset_of_parquet.py", "test_of_columns.py"),
    "table": ("asset_of_table.py", "test_of_columns.py"),
}


@dataclass(frozen=True)
class Made:
    """What was made.

    Args:
        files: The files that were written.
        hint: What is left to do, in a sentence; empty if nothing is.
    """

    files: tuple[Path, ...]
    hint: str = ""


def new_table(
    workspace: Workspace,
    name: str,
    *,
    columns: str | None = None,
    like: Path | None = None,
    land: bool = False,
    key: Sequence[str] = (),
    reads: str | None = None,
) -> Made:
    """Write the declaration, the asset, the suite and the test of a table.

    Args:
        workspace: Its project gets the files.
        name: `layer.entities`.
        columns: The columns as in DDL; the rows come from `reads`, or as JSON lines in `landing/<entities>/`.
        like: A sample file that gives the columns; the rows come from it if it is in the project, else from files of
            its kind in `landing/<entities>/`.
        land: Copy a sample from outside of the project to that folder.
        key: Columns that identify a row: the table is merged by them, else appended to.
        reads: `layer.entities` that the rows come from; it gives its columns and types, all of them without `columns`.

    Raises:
        LakehouseError: a name, column or file that cannot be; or a file that is there already. Nothing was written.
    """
    project = workspace.settings.project
    checked_name(name)
    refuse_declared(workspace, name)
    _check_arguments(name, columns=columns, like=like, reads=reads, land=land)
    sample = None if like is None else read_sample(like)
    given = None if columns is None else parse_columns(columns)
    entity = name.partition(".")[2]
    copies: dict[Path, Path] = {}
    hint = ""
    if sample:
        origin, target = landing(project, sample, entity)
        fields = sampled(sample, key)
        if target and land:
            copies[target] = sample.path.resolve()
        elif target:
            hint = (
                f"{sample.path} gave the columns and was not copied. "
                f"Put files of its kind into {target.parent.relative_to(project)}/, or copy it there by `--land`."
            )
    elif reads:
        parent = parent_of(workspace, name, reads)
        origin = Origin("table", reads, constant=parent.constant, module=parent.module)
        fields = taken(parent.table, name, given)
    else:
        origin = Origin("json", f"landing/{entity}/*.jsonl")
        fields = tuple(Field(column, column.name) for column in given or ())
    blueprint = Blueprint(declared_as(name, fields, key), fields, origin)
    files = files_of(project, blueprint, sample)
    write_new(project, name, files, copies)
    return Made((*files, *copies), hint)


def _check_arguments(name: str, *, columns: str | None, like: Path | None, reads: str | None, land: bool) -> None:
    if like is None and columns is None and reads is None:
        raise LakehouseError(f"{name}: give `--columns`, `--like` with a sample file, or `--reads` with a table.")
    if like is not None and (columns is not None or reads is not None):
        raise LakehouseError(f"{name}: `--like` gives the columns and the files. Leave `--columns` and `--reads` out.")
    if land and like is None:
        raise LakehouseError(f"{name}: `--land` copies the sample of `--like`, which is not given.")


def files_of(project: Path, blueprint: Blueprint, sample: Sample | None) -> dict[Path, str]:
    """All that the table needs, by path."""
    layer, entity = blueprint.table.layer, blueprint.table.entity
    asset, test = _TEMPLATES[blueprint.origin.format]
    package = project / "assets" / layer / "__init__.py"
    asset_path = project / "assets" / layer / f"{entity}.py"
    test_path = project / "tests" / "assets" / layer / f"test_{entity}.py"
    example = example_line(blueprint) if test == "test_of_lines.py" else None
    packages = {} if package.exists() else {package: f'"""The {layer} tables."""\n'}
    return {
        **packages,
        asset_path: python(asset, asset_path, project, blueprint=blueprint),
        project / "expectations" / layer / f"{entity}.json": suite(blueprint, sample),
        test_path: python(test, test_path, project, blueprint=blueprint, example=example),
    }


def sampled(sample: Sample, key: Sequence[str]) -> tuple[Field, ...]:
    """The columns of a sample; those of the key are never null."""
    return tuple(
        Field(Column(column.name, column.type, title(column.name), nullable=column.name not in key), column.source)
        for column in sample.columns
    )


def declared_as(name: str, fields: tuple[Field, ...], key: Sequence[str]) -> Table:
    """The declaration of these columns, merged by a key if there is one.

    Raises:
        DeclarationError: a key that is no column.
    """
    names = [field.column.name for field in fields]
    for column in key:
        if column not in names:
            near = near_miss(column, names)
            raise DeclarationError(
                f"{name}: key `{column}` is no column of it" + (f" (did you mean `{near}`?)" if near else "")
            )
    columns = tuple(field.column for field in fields)
    return Table(name, columns=columns, grain="one row", write=Merge(on=tuple(key)) if key else Append())


def landing(project: Path, sample: Sample, entity: str) -> tuple[Origin, Path | None]:
    """What the asset reads, and the sample's place in the landing folder if it comes from outside of the project.

    A sample in a landing folder stands for the files beside it, one elsewhere in the project for itself.
    """
    path = sample.path.resolve()
    if not path.is_relative_to(project):
        target = project / "landing" / entity / path.name
        return Origin(sample.format, f"landing/{entity}/*{path.suffix}", sample.separator), target
    relative = path.relative_to(project)
    is_landing = relative.parts[0] == "landing" and len(relative.parts) > 2
    # In a pattern only the name of the file is matched; these three signs would stand for others there.
    name = f"*{path.suffix}" if is_landing else re.sub(r"([*?[])", r"[\1]", path.name)
    return Origin(sample.format, (relative.parent / name).as_posix(), sample.separator), None
