"""Rows of a table as delta-rs reads them: an engine beside the one that writes, with no server to ask.

A read by Spark takes ten times as long. What Spark and Trino read of what the door wrote has tests of its own.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa
    from deltalake import DeltaTable


def rows_by_delta_rs(delta: "DeltaTable", columns: Iterable[str]) -> list[tuple[Any, ...]]:
    """The rows in no order; a timestamp is a `datetime` in UTC."""
    names = ", ".join(f'"{name}"' for name in columns)
    return [tuple(row.values()) for row in asked(delta, f"SELECT {names} FROM t").to_pylist()]


def asked(delta: "DeltaTable", query: str) -> "pa.Table":
    """What a query of the table `t` gives."""
    import pyarrow as pa
    from deltalake import QueryBuilder  # it knows deletion vectors, which `to_pyarrow_table` does not

    return pa.table(QueryBuilder().register("t", delta).execute(query).read_all())
