"""What a new table is made from: its name, its columns, and where its rows come from. Pure."""

import keyword
import re
from collections.abc import Sequence
from dataclasses import dataclass

from lakehouse.declare.column import Column
from lakehouse.declare.table import LAYERS, Table
from lakehouse.errors import DeclarationError, near_miss
from lakehouse.sources.files import SOURCE_COLUMNS

ARRIVAL = ("_ingested_at", "_source_file", "_source_row")
UNREADABLE = Column(
    "_unreadable", "string", "JSON: texts that could not be read, by column; null in each published row"
)
OURS = tuple(column.name for column in (UNREADABLE, *SOURCE_COLUMNS))


@dataclass(frozen=True)
class Field:
    """One column of a new table.

    Args:
        column: As it is declared.
        source: Its name in the files or the table that it comes from.
        is_cast: It has another type there, in a table.
    """

    column: Column
    source: str
    is_cast: bool = False


@dataclass(frozen=True)
class Origin:
    """What gives the rows.

    Args:
        format: `csv`, `json`, `parquet`, or `table`.
        place: File pattern relative to the project, or `layer.entities`.
        separator: Of a CSV.
        constant: Name of the declaration, for a table.
        module: The module of the declaration, for a table.
    """

    format: str
    place: str
    separator: str = ","
    constant: str = ""
    module: str = ""


@dataclass(frozen=True)
class Blueprint:
    """A table to be, in the words of its templates.

    Args:
        table: Name, columns and write mode as they will be declared, without the columns that say how a row arrived.
        fields: The columns with their names in the source.
        origin: What gives the rows.
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

    @property
    def words(self) -> str:
        """The table in words."""
        return title(self.table.entity)

    @property
    def title(self) -> str:
        """First line of the asset's module. It holds no name of a file: in a docstring such a name could be code."""
        if self.origin.format == "table":
            return f"{self.words}, made from {self.origin.place}"
        return f"{self.words}, as the files in the landing folder give them"

    @property
    def grain(self) -> str:
        """What one row is, as far as the key tells."""
        return f"one row per {' and '.join(self.table.key)}" if self.table.key else "one row per record of its source"

    @property
    def mode(self) -> str:
        """Name of the write mode."""
        return type(self.table.write).__name__

    @property
    def sequence(self) -> tuple[str, ...]:
        """What orders the changes of a key: the last that arrived wins, as far as the columns tell."""
        names = {column.name for column in self.declared}
        return ARRIVAL if self.table.key and names.issuperset(ARRIVAL) else ()

    @property
    def declared(self) -> tuple[Column, ...]:
        """All columns of the declaration."""
        if self.origin.format == "table":
            return self.table.columns
        unreadable = (UNREADABLE,) if self.origin.format in ("csv", "json") else ()
        return (*self.table.columns, *unreadable, *SOURCE_COLUMNS)

    @property
    def nested(self) -> tuple[Column, ...]:
        """The columns that a line does not give as text: what is nested in JSON."""
        is_nested = ("struct", "array", "map")
        columns = [field.column for field in self.fields if field.column.type.startswith(is_nested)]
        return tuple(columns) if self.origin.format == "json" else ()

    @property
    def typed(self) -> tuple[Column, ...]:
        """The columns whose text must be read as a value."""
        nested = {column.name for column in self.nested}
        columns = [field.column for field in self.fields if field.column.name not in nested]
        return tuple(column for column in columns if column.type != "string")

    @property
    def renames(self) -> bool:
        """Whether a column has another name in the source."""
        return any(field.source != field.column.name for field in self.fields)

    @property
    def casts(self) -> bool:
        """Whether a column has another type in the table that is read."""
        return any(field.is_cast for field in self.fields)


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
    words = re.sub(r"\W+", "_", spaced, flags=re.ASCII).strip("_").lower()
    return f"n_{words}" if words[:1].isdigit() else words


def parse_columns(text: str) -> tuple[Column, ...]:
    """Columns from a list as in DDL: `order_id string not null, total decimal(10,2) 'In EUR'`.

    Raises:
        DeclarationError: an entry is not a name and a type.
    """
    columns = []
    for entry in _split(text):
        match = re.fullmatch(
            r"(?is)(\w+)\s+(.+?)(\s+not\s+null)?(?:\s+comment)?(?:\s*'([^']*)')?(\s+not\s+null)?", entry
        )
        if match is None:
            raise DeclarationError(
                f"`{entry}` is no column. Expected a name and a type, such as `order_id string not null`."
            )
        name, type_, required, comment, late = match.groups()
        columns.append(Column(name, type_, comment or title(name), nullable=not (required or late)))
    return tuple(columns)


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
