"""Delta tables behind one audited door. These are the public names; each is imported when it is first used."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lakehouse.asset import table_asset
    from lakehouse.ingest.files import Lines
    from lakehouse.models.champion import Champion
    from lakehouse.models.model_asset import model_asset
    from lakehouse.modes import Append, Merge, Overwrite, ReplacePartitions, Scd2
    from lakehouse.session import connect
    from lakehouse.table import Column, Foreign, Table

_HOMES = {
    "Append": "lakehouse.modes",
    "Champion": "lakehouse.models.champion",
    "Column": "lakehouse.table",
    "Foreign": "lakehouse.table",
    "Lines": "lakehouse.ingest.files",
    "Merge": "lakehouse.modes",
    "Overwrite": "lakehouse.modes",
    "ReplacePartitions": "lakehouse.modes",
    "Scd2": "lakehouse.modes",
    "Table": "lakehouse.table",
    "connect": "lakehouse.session",
    "model_asset": "lakehouse.models.model_asset",
    "table_asset": "lakehouse.asset",
}

__all__ = [
    "Append",
    "Champion",
    "Column",
    "Foreign",
    "Lines",
    "Merge",
    "Overwrite",
    "ReplacePartitions",
    "Scd2",
    "Table",
    "connect",
    "model_asset",
    "table_asset",
]


def __getattr__(name: str) -> Any:
    """A public name, from the module that it lives in."""
    if name not in _HOMES:
        raise AttributeError(f"lakehouse has no public name `{name}`")
    return getattr(import_module(_HOMES[name]), name)
