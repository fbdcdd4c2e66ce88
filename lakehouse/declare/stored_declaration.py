"""A declaration that was written down: what `Table.to_json` gave, as a `Table` again."""

from collections.abc import Mapping
from typing import Any, get_args

from lakehouse.declare.column import Column
from lakehouse.declare.table import Table
from lakehouse.declare.write_modes import WriteMode

_MODES = {mode.__name__: mode for mode in get_args(WriteMode)}


def table_from(values: Mapping[str, Any]) -> Table:
    """The declaration that `Table.to_json` gave.

    Raises:
        KeyError, TypeError: it is none.
        DeclarationError: it is one that cannot be any more.
    """
    mode = {name: value for name, value in values["write"].items() if name != "mode"}
    if "signals" in mode:
        mode["signals"] = _columns(mode["signals"])
    plain = {name: _frozen(value) for name, value in values.items() if name not in ("columns", "write")}
    write = _MODES[values["write"]["mode"]](**{name: _frozen(value) for name, value in mode.items()})
    return Table(columns=_columns(values["columns"]), write=write, **plain)


def _columns(values: Any) -> tuple[Column, ...]:
    return tuple(Column(**{name: _frozen(value) for name, value in column.items()}) for column in values)


def _frozen(value: Any) -> Any:
    """Lists of JSON as the tuples that they were."""
    return tuple(map(_frozen, value)) if isinstance(value, list) else value
