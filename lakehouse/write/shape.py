"""The shape check: columns and types of a frame against the declaration, before anything runs."""

from typing import TYPE_CHECKING

from lakehouse.declare.column import Column
from lakehouse.declare.table import Table
from lakehouse.declare.types import canonical, from_json, without_lengths
from lakehouse.errors import Problem, SchemaMismatchError, near_miss

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def problems(table: Table, given: dict[str, str], carried: tuple[Column, ...] = ()) -> list[Problem]:
    """What is wrong with the columns `given` (name to canonical type) for `table`; empty if nothing is.

    A text is a `string` to Spark wherever it is computed: it may be given for a `char` or `varchar`. The rules of the
    table look at its length.
    """
    declared = {column.name: canonical(column.type) for column in (*table.brought, *carried)}
    extra = [name for name in given if name not in declared]
    listed: list[Problem] = []
    for name, expected in declared.items():
        if name not in given:
            listed.append(Problem(name, expected, "nothing", near_miss(name, extra)))
        elif given[name] != expected and without_lengths(given[name]) != without_lengths(expected):
            listed.append(Problem(name, expected, given[name]))
    missing = [name for name in declared if name not in given]
    listed.extend(
        Problem(name, "no such column", given[name])
        for name in extra
        if not any(problem.near == name for problem in listed) and near_miss(name, missing) is None
    )
    listed.extend(
        Problem(name, "no such column", given[name], near_miss(name, missing))
        for name in extra
        if near_miss(name, missing) and not any(problem.near == name for problem in listed)
    )
    return listed


def types_of(frame: "DataFrame") -> dict[str, str]:
    """The canonical type of each column of a frame, by name."""
    return {field.name: from_json(field.dataType.jsonValue(), field.metadata) for field in frame.schema.fields}


def check_shape(table: Table, frame: "DataFrame", version: int | None, carried: tuple[Column, ...] = ()) -> "DataFrame":
    """The frame with its columns in the declared order; nothing is cast, added or dropped.

    Raises:
        SchemaMismatchError: a column is missing, extra, or of another type.
        DeclarationError: the declaration has a type that is none.
    """
    wrong = problems(table, types_of(frame), carried)
    if wrong:
        raise SchemaMismatchError(table.name, version, wrong)
    return frame.select(*table.brought_names, *(column.name for column in carried))
