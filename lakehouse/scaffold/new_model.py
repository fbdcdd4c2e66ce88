"""`lakehouse new model`: a dbt model that builds at once, with its properties, its source entry and a unit test."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lakehouse.dagster.dbt_process import manifest_of
from lakehouse.dagster.discover import project_tables
from lakehouse.dagster.graph import dbt_tables
from lakehouse.declare.column import Column
from lakehouse.declare.table import Table
from lakehouse.errors import DeclarationError, LakehouseError, near_miss
from lakehouse.rights import users_own
from lakehouse.scaffold.blueprint import checked_name, title
from lakehouse.scaffold.dbt_parent import dbt_parent
from lakehouse.scaffold.example import example_of
from lakehouse.scaffold.new_files import write_new
from lakehouse.scaffold.new_table import Made
from lakehouse.scaffold.parent import parent_of, readable_columns, refuse_back, refuse_declared, taken
from lakehouse.scaffold.render import rendered, sql_name
from lakehouse.scaffold.sources_file import with_source
from lakehouse.workspace import Workspace

# The layer whose tables dbt makes.
LAYER = "gold"
FOLDER = "dbt_project"
_WHOLE = ("tinyint", "smallint", "int", "bigint")


@dataclass(frozen=True)
class Model:
    """A dbt model to be, in the words of its templates.

    Args:
        layer: Its database.
        entity: Its name.
        parent: The table that it reads.
        columns: What it gives.
        key: Columns that identify a row; empty if none do.
        ref: The name by which dbt knows the parent, if dbt makes it; None for a source.
    """

    layer: str
    entity: str
    parent: Table
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    ref: str | None = None

    @property
    def relation(self) -> str:
        """The parent, as dbt's Jinja calls it."""
        if self.ref is not None:
            return f"ref({self.ref!r})"
        return f"source({self.parent.layer!r}, {self.parent.entity!r})"

    @property
    def description(self) -> str:
        """Grain, then origin."""
        grain = f"One row per {' and '.join(self.key)}" if self.key else self.parent.grain.capitalize()
        return f"{grain}. {title(self.entity)}, from {self.parent.name}."

    @property
    def required(self) -> tuple[str, ...]:
        """Columns that are never null."""
        never = {*self.key, *self.parent.stored_required}
        return tuple(column.name for column in self.columns if column.name in never)

    @property
    def key_expression(self) -> str:
        """The key of several columns as one value."""
        return f"struct({', '.join(map(sql_name, self.key))})"

    @property
    def unit_test(self) -> str:
        """Name of the unit test."""
        return f"{self.entity}_takes_its_columns_from_{self.parent.entity}"

    @property
    def example(self) -> dict[str, Any]:
        """A made-up row, without the columns whose values dbt cannot write in a unit test."""
        row: dict[str, Any] = {}
        for column in self.columns:
            _, value = example_of(column.type)
            if value is not None and column.type != "binary":
                row[column.name] = int(value) if column.type in _WHOLE else value
        return row


def new_model(
    workspace: Workspace, name: str, *, reads: str, columns: Sequence[str] = (), key: Sequence[str] = ()
) -> Made:
    """Write the SQL and the properties of a dbt model, and add its parent to the sources if it is not there.

    A parent that dbt makes itself is no source: the model refers to it.

    Args:
        workspace: Its project gets the files.
        name: `gold.entities`.
        reads: `layer.entities` that it selects from, declared in `assets/` or made by dbt.
        columns: Those that it takes; all if none are named.
        key: Columns that identify a row; the parent's key if none are named and all of it is taken.

    Raises:
        LakehouseError: a name or column that cannot be, a project without dbt, a file that is there already. Nothing
            was written.
    """
    project = workspace.settings.project
    checked_name(name)
    layer, _, entity = name.partition(".")
    if layer != LAYER:
        raise LakehouseError(
            f"{name}: dbt makes the {LAYER} layer. Call it `{LAYER}.{entity}`, or run `lakehouse new table {name}`."
        )
    folder = project / FOLDER
    if not (folder / "dbt_project.yml").exists():
        raise LakehouseError(f"{name} was not made: {project} has no {FOLDER}/dbt_project.yml.")
    refuse_declared(workspace, name)
    parent, ref = _parent(workspace, folder, name, reads)
    of_parent = {column.name: column for column in readable_columns(parent)}
    chosen = taken(parent, name, [_named(of_parent, name, reads, column) for column in columns] if columns else None)
    model = Model(layer, entity, parent, tuple(field.column for field in chosen), _key(name, parent, key, chosen), ref)
    models = folder / "models"
    files = {
        models / layer / f"{entity}.sql": rendered("model.sql", model=model),
        models / layer / f"{entity}.yml": rendered("model.yml", model=model),
    }
    _refuse_model(models, name)
    sources, text = (models, None) if ref else with_source(models, parent, readable_columns(parent))
    write_new(project, name, files)
    if text is None:
        return Made(tuple(files))
    with users_own():
        sources.parent.mkdir(parents=True, exist_ok=True)
        sources.write_text(text, encoding="utf-8")
    return Made((*files, sources))


def _parent(workspace: Workspace, folder: Path, name: str, reads: str) -> tuple[Table, str | None]:
    """The table that is read, and dbt's name of it if dbt makes it. What `assets/` declares needs no dbt."""
    declared = [table.name for table in project_tables(workspace)]
    if reads in declared:
        return parent_of(workspace, name, reads).table, None
    manifest = manifest_of(workspace, folder)
    by_dbt = {table: unique_id for unique_id, (table, _) in dbt_tables(manifest).items()}
    if reads not in by_dbt:
        near = near_miss(reads, [*declared, *by_dbt])
        raise LakehouseError(
            f"{reads} is not declared in assets/"
            + (f" (did you mean `{near}`?)" if near else "")
            + f". No model in {FOLDER}/ makes it either."
        )
    parent, ref = dbt_parent(manifest, by_dbt[reads])
    refuse_back(name, reads)
    return parent, ref


def _named(columns: dict[str, Column], name: str, reads: str, column: str) -> Column:
    if column not in columns:
        near = near_miss(column, list(columns))
        raise DeclarationError(
            f"{name}: `{column}` is no column of {reads}" + (f" (did you mean `{near}`?)" if near else "")
        )
    return columns[column]


def _key(name: str, parent: Table, key: Sequence[str], chosen: Sequence[Any]) -> tuple[str, ...]:
    names = [field.column.name for field in chosen]
    for column in key:
        if column not in names:
            near = near_miss(column, names)
            raise DeclarationError(
                f"{name}: key `{column}` is no column of it" + (f" (did you mean `{near}`?)" if near else "")
            )
    if key:
        return tuple(key)
    # A history has its key once for each change.
    is_whole = set(parent.key) <= set(names) and parent.stored_names == parent.column_names
    return parent.key if is_whole else ()


def _refuse_model(models: Path, name: str) -> None:
    """A model's name is taken: dbt knows models by their file's name, in whatever folder."""
    entity = name.partition(".")[2]
    others = [path for path in models.rglob(f"{entity}.sql") if path.parent.name != LAYER]
    if others:
        raise LakehouseError(
            f"{name} was not made: dbt knows a model `{entity}` already, {others[0].relative_to(models.parent)}."
        )
