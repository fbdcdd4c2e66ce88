"""The shape check: columns and types of a frame against the declaration, before anything runs."""

from collections import Counter
from typing import TYPE_CHECKING

from lakehouse.declare.column import Column
from lakehouse.declare.table import Table
from lakehouse.declare.types import types_of
from lakehouse.errors import Problem, SchemaMismatchError, near_miss

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def problems(table: Table, types: dict[str, str], carried: tuple[Column, ...] = ()) -> list[Problem]:
    """What is wrong with columns of `types` (name to canonical type) for `table`; empty where nothing is."""
    declared = {column.name: column.type for column in (*table.brought, *carried)}
    extra = [name for name in types if name not in declared]
    listed: list[Problem] = []
    for name, expected in declared.items():
        if name not in types:
            listed.append(Problem(name, expected, "nothing", near_miss(name, extra)))
        elif types[name] != expected:
            listed.append(Problem(name, expected, types[name]))
    missing = [name for name in declared if name not in types]
    listed.extend(
        Problem(name, "no such column", types[name])
        for name in extra
        if not any(problem.near == name for problem in listed) and near_miss(name, missing) is None
    )
    listed.extend(
        Problem(name, "no such column", types[name], near_miss(name, missing))
        for name in extra
        if near_miss(name, missing) and not any(problem.near == name for problem in listed)
    )
    return listed


def check_shape(table: Table, frame: "DataFrame", version: int | None, carried: tuple[Column, ...] = ()) -> "DataFrame":
    """The frame with its columns in the declared order; nothing is cast, added or dropped.

    Raises:
        SchemaMismatchError: a column is missing, extra, given twice, or of another type.
    """
    schema = frame.schema
    count = Counter(schema.names)
    twice = [
        Problem(name, "one column", f"{number} columns of this name") for name, number in count.items() if number > 1
    ]
    wrong = [*twice, *problems(table, types_of(schema.jsonValue()), carried)]
    if wrong:
        raise SchemaMismatchError(table.name, version, wrong)
    return frame.select(*table.brought_names, *(column.name for column in carried))
