"""Types of Spark that no table here has: an engine cannot read them, or a table does not keep them.

Together with `WORDS` in `lakehouse/declare/types.py`, which all engines read at every place of a type, this is the one
table of engines and types. tests/library/declare/test_engines.py asks each engine whether it is true.
"""

from dataclasses import dataclass

ENGINES = ("Spark", "Trino", "delta-rs")


@dataclass(frozen=True)
class RefusedType:
    """A type that a declaration does not take.

    Args:
        instead: What to declare, and why.
        unread_by: Engines that cannot read a column of it; all of them if Delta does not store it.
    """

    instead: str
    unread_by: tuple[str, ...] = ENGINES


REFUSED_TYPES = {
    "variant": RefusedType(
        "Trino cannot read a variant: declare `string` with the JSON in it, or a struct of the fields that are used",
        unread_by=("Trino",),
    ),
    "void": RefusedType(
        "a column without a type holds nothing, and Trino cannot read its table: declare the type that it will have",
        unread_by=("Trino",),
    ),
    "interval": RefusedType("Delta holds no intervals: declare a number, with its unit in the column's name"),
    "time": RefusedType("Delta holds no time of day: declare `int` seconds or `string`"),
    "geometry": RefusedType("Delta holds no geometries: declare `binary` (WKB), or a `double` for each coordinate"),
    "geography": RefusedType("Delta holds no geographies: declare `binary` (WKB), or a `double` for each coordinate"),
    "char": RefusedType(
        "declare `string`; its length is a rule of the suite (expect_column_value_lengths_to_equal)", unread_by=()
    ),
    "varchar": RefusedType(
        "declare `string`; its length is a rule of the suite (expect_column_value_lengths_to_be_between)", unread_by=()
    ),
}
