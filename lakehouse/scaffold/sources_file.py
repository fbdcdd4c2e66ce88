"""The sources of a dbt project: a table is added to the file that names its layer; comments and order stay."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lakehouse.declare.column import Column
from lakehouse.declare.table import Table
from lakehouse.errors import LakehouseError
from lakehouse.scaffold.render import as_dbt_text


def with_source(models: Path, table: Table, columns: Sequence[Column]) -> tuple[Path, str | None]:
    """The file of a layer's sources, and its text with a table in it.

    Args:
        models: The folder `models` of the dbt project.
        table: The table to name.
        columns: The columns to describe.

    Returns:
        The file, and its new text; None if the table is named already.

    Raises:
        LakehouseError: a file of properties is no YAML.
    """
    for path in sorted([*models.rglob("*.yml"), *models.rglob("*.yaml")]):
        content = _read(path)
        sources = content.get("sources") if isinstance(content, Mapping) else None
        for source in sources or ():
            if isinstance(source, Mapping) and source.get("name") == table.layer:
                return path, _added(content, source, table, columns)
    path = models / table.layer / "sources.yml"
    content = _read(path) if path.exists() else _yaml().load("version: 2\n")
    source = {
        "name": _text(table.layer),
        "schema": _text(table.layer),
        "description": _text(f"The tables of the {table.layer} layer, written through the door of the library"),
    }
    content.setdefault("sources", []).append(source)
    return path, _added(content, source, table, columns)


def _added(content: Any, source: Any, table: Table, columns: Sequence[Column]) -> str | None:
    tables = source.get("tables")
    if tables is None:
        source["tables"] = tables = []
    if any(isinstance(entry, Mapping) and entry.get("name") == table.entity for entry in tables):
        return None
    tables.append(_entry(table, columns))
    text = io.StringIO()
    _yaml().dump(content, text)
    return text.getvalue()


def _entry(table: Table, columns: Sequence[Column]) -> dict[str, Any]:
    from ruamel.yaml.comments import CommentedSeq

    key = CommentedSeq([_text(table.layer), _text(table.entity)])
    key.fa.set_flow_style()
    return {
        "name": _text(table.entity),
        "description": _text(as_dbt_text(table.grain.capitalize())),
        "meta": {"dagster": {"asset_key": key}},
        "columns": [
            {
                "name": _text(column.name),
                "data_type": _text(column.type),
                "description": _text(as_dbt_text(column.comment)),
            }
            for column in columns
        ],
    }


def _text(value: str) -> str:
    """Quoted if YAML 1.1, which dbt reads, would take it for anything but this text."""
    import yaml
    from ruamel.yaml.scalarstring import DoubleQuotedScalarString

    try:
        is_plain = value.isprintable() and yaml.safe_load(value) == value
    except yaml.YAMLError:
        is_plain = False
    return value if is_plain and " " not in value else DoubleQuotedScalarString(value)


def _read(path: Path) -> Any:
    from ruamel.yaml.error import YAMLError

    try:
        return _yaml().load(path.read_text(encoding="utf-8")) or {}
    except YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" at line {mark.line + 1}" if mark else ""
        raise LakehouseError(f"{path} is no YAML{where}. Mend it, then ask again; nothing was written.") from None


def _yaml() -> Any:
    """Keeps comments, order, quotes, and the indent of lists that dbt's own examples have."""
    from ruamel.yaml import YAML

    made = YAML()
    made.preserve_quotes = True
    made.width = 10_000
    made.indent(mapping=2, sequence=4, offset=2)
    return made
