"""What a new table is made from: its name, its columns, and where its rows come from. Pure."""

import keyword
import re
from collections.abc import Sequence
from dataclasses import dataclass

from lakehouse.declare.column import Column
from lakehouse.declare.table import LAYERS, Table
from lakehouse.declare.types import canonical
from lakehouse.errors import DeclarationError, near_miss

_TYPES = (
    *("string", "boolean", "tinyint", "smallint", "int", "bigint", "float", "double", "decimal", "date", "timestamp"),
    *("timestamp_ntz", "binary", "array", "map", "struct"),
)
# The columns that say where a row came from; a new table adds them.
OURS = ("_unreadable", "_source_file", "_source_row", "_batch_id", "_ingested_at")


@dataclass(frozen=True)
class Field:
    """One column of a new table.

    Args:
        column: As it is declared.
        source: Its name where it comes from; empty where it does not come from there.
        is_cast: It has another type there, in a table.
    """

    column: Column
    source: str
    is_cast: bool = False


@dataclass(frozen=True)
class Origin:
    """Where the rows come from.

    Args:
        format: `csv`, `json`, `parquet`, or `table`.
        place: File pattern relative to the project, or `layer.entities`.
        separator: Of a CSV.
        constant: Name of the declaration, for a table.
        module: Where the declaration is, for a table.
    """

    format: str
    place: str
    separator: str = ","
    constant: str = ""
    module: str = ""


@dataclass(frozen=True)
class Blueprint:
    """A table to be.

    Args:
        table: Name, columns and write mode as they will be declared, without the columns that say where a row is from.
        fields: The columns with their names in the source.
        origin: Where the rows come from.
    """

    table: Table
    fields: tuple[Field, ...]
    origin: Origin

    @property
    def constant(self) -> str:
        """Name of the declaration."""
        return f"{self.table.layer}_{self.table.entity}".upper()

    @property
    def function(self) -> str:
        """Name of the asset's function."""
        return f"{self.table.layer}_{self.table.entity}"


def checked_name(name: str) -> str:
    """A table's name, if it can be a module and a table.

    Raises:
        DeclarationError: it cannot.
    """
    layer, _, entity = name.partition(".")
    if layer not in LAYERS:
        near = near_miss(layer, LAYERS)
        raise DeclarationError(
            f"table `{name}`: expected <layer>.<entities> with a layer of {', '.join(LAYERS)}"
            + (f" (did you mean `{near}.{entity}`?)" if near and entity else "")
        )
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,62}", entity) or keyword.iskeyword(entity):
        raise DeclarationError(
            f"table `{name}`: `{entity}` cannot be a table and a Python module. Use lower case letters, digits and _, "
            f"for example `{layer}.orders`."
        )
    return name


def snake(name: str) -> str:
    """A name as a column is called: `Order ID` is `order_id`."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name.strip().lstrip("\ufeff"))
    found = re.sub(r"\W+", "_", spaced, flags=re.ASCII).strip("_").lower()
    return f"n_{found}" if found[:1].isdigit() else found


def parse_columns(text: str) -> tuple[Column, ...]:
    """Columns from a list as in DDL: `order_id string not null, total decimal(10,2) 'In EUR'`.

    Raises:
        DeclarationError: an entry is not a name and a type.
    """
    found = []
    for entry in _split(text):
        match = re.fullmatch(
            r"(?is)(\w+)\s+(.+?)(\s+not\s+null)?(?:\s+comment)?(?:\s*'([^']*)')?(\s+not\s+null)?", entry
        )
        if match is None:
            raise DeclarationError(
                f"`{entry}` is no column. Expected a name and a type, such as `order_id string not null`."
            )
        name, type_, required, comment, late = match.groups()
        word = canonical(type_).partition("(")[0].partition("<")[0]
        if word not in _TYPES:
            near = near_miss(word, _TYPES)
            raise DeclarationError(
                f"`{name}`: `{type_}` is no type of Spark" + (f" (did you mean `{near}`?)" if near else "")
            )
        found.append(Column(name, canonical(type_), comment or title(name), nullable=not (required or late)))
    return tuple(found)


def title(name: str) -> str:
    """A column's name in words."""
    return name.strip("_").replace("_", " ").capitalize()


def _split(text: str) -> Sequence[str]:
    """At the commas that are outside of brackets."""
    depth, parts = 0, [""]
    for sign in text:
        depth += (sign in "(<") - (sign in ")>")
        if sign == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += sign
    return [part.strip() for part in parts if part.strip()]
