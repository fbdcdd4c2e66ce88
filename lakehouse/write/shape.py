"""The shape check: columns and types of a frame against the declaration, before anything runs."""

from typing import TYPE_CHECKING

from lakehouse.declare.column import Column
from lakehouse.declare.table import Table
from lakehouse.errors import Problem, SchemaMismatchError, near_miss

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

# Spark's own names for what DDL also accepts under another one.
_ALIASES = {"integer": "int", "long": "bigint", "short": "smallint", "byte": "tinyint", "real": "float"}


def _canonical(name: str) -> str:
    lowered = name.lower().replace(" ", "") if not name.startswith("struct") else name
    return _ALIASES.get(lowered, lowered)


def problems(table: Table, found: dict[str, str], carried: tuple[Column, ...] = ()) -> list[Problem]:
    """What is wrong with columns `found` (name to Spark type) for `table`; empty where nothing is."""
    declared = {column.name: _canonical(column.type) for column in (*table.brought, *carried)}
    extra = [name for name in found if name not in declared]
    listed: list[Problem] = []
    for name, expected in declared.items():
        if name not in found:
            listed.append(Problem(name, expected, "nothing", near_miss(name, extra)))
        elif _canonical(found[name]) != expected:
            listed.append(Problem(name, expected, found[name]))
    missing = [name for name in declared if name not in found]
    listed.extend(
        Problem(name, "no such column", found[name])
        for name in extra
        if not any(problem.near == name for problem in listed) and near_miss(name, missing) is None
    )
    listed.extend(
        Problem(name, "no such column", found[name], near_miss(name, missing))
        for name in extra
        if near_miss(name, missing) and not any(problem.near == name for problem in listed)
    )
    return listed


def check_shape(table: Table, frame: "DataFrame", version: int | None, carried: tuple[Column, ...] = ()) -> "DataFrame":
    """The frame with its columns in the declared order; nothing is cast, added or dropped.

    Raises:
        SchemaMismatchError: a column is missing, extra, or of another type.
    """
    found = {field.name: field.dataType.simpleString() for field in frame.schema.fields}
    wrong = problems(table, found, carried)
    if wrong:
        raise SchemaMismatchError(table.name, version, wrong)
    return frame.select(*table.brought_names, *(column.name for column in carried))
