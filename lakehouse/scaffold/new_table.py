"""`lakehouse new table`: the files of a table that runs at once. Nothing that is there is written over."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from lakehouse.dagster.discover import modules, project_package, table_assets
from lakehouse.declare.column import Column
from lakehouse.declare.table import LAYERS, Table
from lakehouse.declare.types import canonical
from lakehouse.declare.write_modes import Append, Merge
from lakehouse.errors import DeclarationError, LakehouseError, near_miss
from lakehouse.scaffold.asset_file import asset_file
from lakehouse.scaffold.blueprint import Blueprint, Field, Origin, checked_name, parse_columns, title
from lakehouse.scaffold.sample import Sample, read_sample
from lakehouse.scaffold.suggest import suite
from lakehouse.scaffold.test_file import test_file
from lakehouse.workspace import Workspace


def new_table(
    workspace: Workspace,
    name: str,
    *,
    columns: str | None = None,
    like: Path | None = None,
    key: Sequence[str] = (),
    reads: str | None = None,
) -> list[Path]:
    """Write the declaration, the asset, the suite and the test of a table.

    Args:
        workspace: Its project gets the files.
        name: `layer.entities`.
        columns: The columns as in DDL; the rows come from `reads`, or as JSON lines in `landing/<entities>/`.
        like: A sample file that gives the columns; the rows come from it and from files beside it in `landing/`.
        key: Columns that identify a row: the table is merged by them, else appended to.
        reads: `layer.entities` that the rows come from.

    Returns:
        The files that were written.

    Raises:
        LakehouseError: a name, column or file that cannot be; or a file that is there already. Nothing was written.
    """
    project = workspace.settings.project
    checked_name(name)
    _refuse_known(workspace, name)
    if (columns is None) == (like is None) or (like is not None and reads is not None):
        raise LakehouseError(
            f"{name}: give either `--columns` (with `--reads`, if its rows come from a table) or `--like`."
        )
    sample = None if like is None else read_sample(like)
    fields = _sampled(sample, key) if sample else tuple(Field(each, each.name) for each in parse_columns(columns or ""))
    layer, _, entity = name.partition(".")
    copied: tuple[Path, Path] | None = None
    if sample:
        origin, copied = _landed(project, sample, entity)
    elif reads:
        origin, fields = _read(workspace, name, reads, fields)
    else:
        origin = Origin("json", f"landing/{entity}/*.jsonl")
    blueprint = Blueprint(_table(name, fields, key), fields, origin)
    files = {
        project / "assets" / layer / f"{entity}.py": asset_file(blueprint),
        project / "expectations" / layer / f"{entity}.json": suite(blueprint, sample),
        project / "tests" / "assets" / layer / f"test_{entity}.py": test_file(blueprint),
    }
    package = project / "assets" / layer / "__init__.py"
    if not package.exists():
        files = {package: f'"""The {layer} tables."""\n', **files}
    return _write(project, name, files, copied)


def _write(project: Path, name: str, files: dict[Path, str], copied: tuple[Path, Path] | None) -> list[Path]:
    there = [path for path in (*files, *((copied[1],) if copied else ())) if path.exists()]
    if there:
        listed = "\n".join(f"  {path.relative_to(project)}" for path in there)
        raise LakehouseError(f"{name} was not made: what is there already is not written over.\n{listed}")
    for path, content in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    if copied:
        copied[1].parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(*copied)
    return [*files, *((copied[1],) if copied else ())]


def _refuse_known(workspace: Workspace, name: str) -> None:
    if name in [asset.table.name for asset in table_assets(project_package(workspace))]:
        raise LakehouseError(f"{name} is declared already. Change its file in assets/ and run `lakehouse plan {name}`.")


def _sampled(sample: Sample, key: Sequence[str]) -> tuple[Field, ...]:
    return tuple(
        Field(Column(each.name, each.type, title(each.name), nullable=each.name not in key), each.source)
        for each in sample.columns
    )


def _table(name: str, fields: tuple[Field, ...], key: Sequence[str]) -> Table:
    names = [field.column.name for field in fields]
    for column in key:
        if column not in names:
            near = near_miss(column, names)
            raise DeclarationError(
                f"{name}: key `{column}` is no column of it" + (f" (did you mean `{near}`?)" if near else "")
            )
    columns = tuple(field.column for field in fields)
    return Table(name, columns=columns, grain="one row", write=Merge(on=tuple(key)) if key else Append())


def _landed(project: Path, sample: Sample, entity: str) -> tuple[Origin, tuple[Path, Path] | None]:
    """Where the asset reads: the files beside the sample in a landing folder, the sample alone elsewhere.

    A sample from outside is copied to a landing folder of its own.
    """
    path = sample.path.resolve()
    if path.is_relative_to(project):
        relative = path.relative_to(project)
        is_landing = relative.parts[0] == "landing" and len(relative.parts) > 2
        place = str(relative.parent / f"*{path.suffix}") if is_landing else str(relative)
        return Origin(sample.format, place, sample.separator), None
    target = project / "landing" / entity / path.name
    return Origin(sample.format, f"landing/{entity}/*{path.suffix}", sample.separator), (path, target)


def _read(workspace: Workspace, name: str, reads: str, fields: tuple[Field, ...]) -> tuple[Origin, tuple[Field, ...]]:
    """The table that is read, and which columns it gives."""
    package = project_package(workspace)
    tables = {asset.table.name: asset.table for asset in table_assets(package)}
    if reads not in tables:
        near = near_miss(reads, list(tables))
        raise LakehouseError(f"{reads} is not declared in assets/" + (f" (did you mean `{near}`?)" if near else ""))
    source = tables[reads]
    if LAYERS.index(source.layer) > LAYERS.index(name.partition(".")[0]):
        raise LakehouseError(f"{name} cannot read {reads}: layers read {' -> '.join(LAYERS)}, never back.")
    types = {column.name: canonical(column.type) for column in source.stored}
    taken = tuple(
        Field(
            each.column,
            each.column.name if each.column.name in types else "",
            is_cast=types.get(each.column.name) != each.column.type,
        )
        for each in fields
    )
    for module in modules(package):
        for constant, value in vars(module).items():
            if value is source and module.__name__ == f"assets.{reads}":
                return Origin("table", reads, constant=constant, module=module.__name__), taken
    raise LakehouseError(f"{reads} is no module-level name in assets/{reads.replace('.', '/')}.py.")
