"""Delta tables behind one audited door. These are the public names; each is imported when it is first used."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lakehouse.dagster.dbt_assets import DbtProject
    from lakehouse.dagster.model_asset import model_asset
    from lakehouse.dagster.project_definitions import project_definitions
    from lakehouse.dagster.table_asset import table_asset
    from lakehouse.declare.column import Column
    from lakehouse.declare.table import Foreign, Table
    from lakehouse.declare.write_modes import Append, Merge, Overwrite, ReplacePartitions, Scd2
    from lakehouse.engine.session import connect
    from lakehouse.models.champion import Champion
    from lakehouse.sources.files import Lines

_HOMES = {
    "Append": "lakehouse.declare.write_modes",
    "Champion": "lakehouse.models.champion",
    "Column": "lakehouse.declare.column",
    "DbtProject": "lakehouse.dagster.dbt_assets",
    "Foreign": "lakehouse.declare.table",
    "Lines": "lakehouse.sources.files",
    "Merge": "lakehouse.declare.write_modes",
    "Overwrite": "lakehouse.declare.write_modes",
    "ReplacePartitions": "lakehouse.declare.write_modes",
    "Scd2": "lakehouse.declare.write_modes",
    "Table": "lakehouse.declare.table",
    "connect": "lakehouse.engine.session",
    "model_asset": "lakehouse.dagster.model_asset",
    "project_definitions": "lakehouse.dagster.project_definitions",
    "table_asset": "lakehouse.dagster.table_asset",
}

__all__ = [
    "Append",
    "Champion",
    "Column",
    "DbtProject",
    "Foreign",
    "Lines",
    "Merge",
    "Overwrite",
    "ReplacePartitions",
    "Scd2",
    "Table",
    "connect",
    "model_asset",
    "project_definitions",
    "table_asset",
]


def __getattr__(name: str) -> Any:
    """A public name, from the module that it lives in."""
    if name not in _HOMES:
        raise AttributeError(f"lakehouse has no public name `{name}`")
    return getattr(import_module(_HOMES[name]), name)
