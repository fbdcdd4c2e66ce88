"""The file of a new table: its declaration and the function that makes its rows."""

from string import Template

from lakehouse.declare.column import Column
from lakehouse.declare.write_modes import Merge
from lakehouse.scaffold.blueprint import Blueprint, Field, title
from lakehouse.scaffold.code import WIDTH, call, text, tuple_of

SOURCE_COLUMNS = (
    Column("_source_file", "string", "File that the row came from, relative to the project", nullable=False),
    Column("_source_row", "bigint", "Row in that file, from 1", nullable=False),
    Column("_batch_id", "string", "The run that read it", nullable=False),
    Column("_ingested_at", "timestamp", "UTC time at which it was read", nullable=False),
)
ORDER = ("_ingested_at", "_source_file", "_source_row")
UNREADABLE = Column("_unreadable", "string", "Columns whose text could not be read; null in every published row")

# The function's parameter for each kind of source.
INPUTS = {"csv": "lines", "json": "lines", "parquet": "rows", "table": "raw"}
_FILE = Template('''"""$title."""

from typing import TYPE_CHECKING

$imports
if TYPE_CHECKING:
    from pyspark.sql import DataFrame
$constants
$constant = Table(
    "$name",
    grain=$grain,
    columns=(
$columns
    ),
    write=$write,
)


$decorator
def $function($input: "DataFrame") -> "DataFrame":
    """$doc"""
$body
''')


def asset_file(blueprint: Blueprint) -> str:
    """The source of `assets/<layer>/<entities>.py`."""
    kind = blueprint.origin.format
    lines = kind in ("csv", "json")
    columns = [
        *blueprint.table.columns,
        *((UNREADABLE,) if lines else ()),
        *(() if kind == "table" else SOURCE_COLUMNS),
    ]
    key = blueprint.table.key
    return _FILE.substitute(
        title=_title(blueprint),
        imports=_imports(blueprint),
        constants=_constants(blueprint),
        constant=blueprint.constant,
        name=blueprint.table.name,
        grain=text(f"one row per {' and '.join(key)}" if key else "one row per record of its source"),
        columns="\n".join(f"        {_column(column)}," for column in columns),
        write=_write(blueprint),
        decorator=_decorator(blueprint),
        input=INPUTS[kind],
        function=blueprint.function,
        doc=_doc(blueprint),
        body={"csv": _lines, "json": _lines, "parquet": _rows, "table": _selected}[kind](blueprint),
    )


def _title(blueprint: Blueprint) -> str:
    origin, name = blueprint.origin, title(blueprint.table.entity)
    found = f"{name}, made from {origin.place}" if origin.format == "table" else f"{name}, as {origin.place} gives them"
    return found if len(found) < WIDTH - 8 else name


def _imports(blueprint: Blueprint) -> str:
    kind = blueprint.origin.format
    mode = "Merge" if blueprint.table.key else "Append"
    sources = {"table": [], "parquet": ["ParquetFiles"]}.get(kind, ["Lines"])
    lines = [f"from lakehouse import {', '.join(sorted([mode, 'Column', 'Table', *sources]))}, table_asset"]
    if kind == "table":
        lines.append(f"from {blueprint.origin.module} import {blueprint.origin.constant}")
    return "\n".join(sorted(lines)) + "\n"


def _constants(blueprint: Blueprint) -> str:
    """The names of the columns in the files."""
    kind = blueprint.origin.format
    if kind == "table":
        return ""
    if kind == "parquet":
        pairs = [f"{text(field.source)}: {text(field.column.type)}" for field in blueprint.fields]
        return (
            "\n# The columns, as the files call them.\n"
            + call("TYPES = {", pairs, 0, "}")
            + '\nSCHEMA = ", ".join(f"`{name}` {type_}" for name, type_ in TYPES.items())\n'
        )
    pairs = [f"{text(field.column.name)}: {text(field.source)}" for field in blueprint.fields]
    return "\n# The columns, and what the files call them.\n" + call("NAMES = {", pairs, 0, "}") + "\n"


def _tick(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def _column(column: Column) -> str:
    parts = [text(column.name), text(column.type), text(column.comment)]
    return call("Column(", [*parts, *(() if column.nullable else ("nullable=False",))], 8)


def _write(blueprint: Blueprint) -> str:
    mode = blueprint.table.write
    if not isinstance(mode, Merge):
        return "Append()"
    parts = [f"on={tuple_of([text(name) for name in mode.on], 8)}"]
    if blueprint.origin.format != "table":
        # The last that arrived wins.
        parts.append(f"sequence={tuple_of([text(name) for name in ORDER], 8)}")
    return call("Merge(", parts, 4)


def _decorator(blueprint: Blueprint) -> str:
    inside = f'{blueprint.constant}, reads={{"{INPUTS[blueprint.origin.format]}": {_reads(blueprint)}}}'
    one = f"@table_asset({inside})"
    return one if len(one) <= WIDTH else f"@table_asset(\n    {inside}\n)"


def _reads(blueprint: Blueprint) -> str:
    origin = blueprint.origin
    if origin.format == "table":
        return f"{origin.constant}.changes()"
    if origin.format == "parquet":
        return f"ParquetFiles({text(origin.place)}, SCHEMA)"
    return f"Lines({text(origin.place)})"


def _doc(blueprint: Blueprint) -> str:
    return {
        "csv": "Read the fields of each line; what is there and cannot be read is named in `_unreadable`.",
        "json": "Read the fields of each line; what is there and cannot be read is named in `_unreadable`.",
        "parquet": "Give the columns their names.",
        "table": f"Take the columns from {blueprint.origin.place}.",
    }[blueprint.origin.format]


def _is_text(blueprint: Blueprint, type_: str) -> bool:
    """Whether a field comes as text: everything but what is nested in JSON."""
    return blueprint.origin.format == "csv" or not type_.startswith(("struct", "array", "map"))


def _lines(blueprint: Blueprint) -> str:
    """Fields as text, then as values; a text that gives no value is named."""
    is_csv = blueprint.origin.format == "csv"
    nested = {f.column.name: f.column.type for f in blueprint.fields if not _is_text(blueprint, f.column.type)}
    typed = {f.column.name: f.column.type for f in blueprint.fields if f.column.name not in nested}
    read = "from_csv" if is_csv else "from_json"
    options = '{"sep": ' + text(blueprint.origin.separator) + ', "columnNameOfCorruptRecord": "_broken"}'
    options = options if is_csv else '{"columnNameOfCorruptRecord": "_broken"}'
    is_record = '(F.col("_source_row") > 1) & (F.trim("line") != "")' if is_csv else 'F.trim("line") != ""'
    kinds = call("types = {", [f"{text(n)}: {text(t)}" for n, t in typed.items() if t != "string"], 4, "}")
    types = f"    {kinds}\n" if [t for t in typed.values() if t != "string"] else "    types: dict[str, str] = {}\n"
    schema = '", ".join(f"`{name}` string" for name in NAMES.values())'
    if nested:
        other = call("nested = {", [f"{text(n)}: {text(t)}" for n, t in nested.items()], 4, "}")
        types += f"    {other}\n"
        schema = '", ".join(f"`{source}` {nested.get(name, \'string\')}" for name, source in NAMES.items())'
    return (
        "    from pyspark.sql import functions as F\n\n"
        f"{types}"
        f"    schema = {schema}\n"
        f'    fields = F.{read}("line", f"{{schema}}, _broken string", {options})\n'
        f'    records = lines.where({is_record}).withColumn("fields", fields)\n'
        '    given = {name: F.col(f"fields.`{source}`") for name, source in NAMES.items()}\n'
        "    values = {name: text.try_cast(types[name]) if name in types else text for name, text in given.items()}\n"
        "    unread = [F.when(given[name].isNotNull() & values[name].isNull(), F.lit(name)) for name in types]\n"
        '    broken = F.when(F.col("fields._broken").isNotNull(), F.lit("line"))\n'
        "    return records.select(\n"
        "        *(value.alias(name) for name, value in values.items()),\n"
        '        F.nullif(F.concat_ws(",", broken, *unread), F.lit("")).alias("_unreadable"),\n'
        '        "_source_file",\n        "_source_row",\n        "_batch_id",\n        "_ingested_at",\n'
        "    )"
    )


def _rows(blueprint: Blueprint) -> str:
    parts = [
        text(f.source) if f.source == f.column.name else f"F.col({text(_tick(f.source))}).alias({text(f.column.name)})"
        for f in blueprint.fields
    ]
    ours = [text(column.name) for column in SOURCE_COLUMNS]
    needs = any(f.source != f.column.name for f in blueprint.fields)
    head = "    from pyspark.sql import functions as F\n\n" if needs else ""
    return f"{head}    {call('return rows.select(', [*parts, *ours], 4)}"


def _selected(blueprint: Blueprint) -> str:
    parts = [_taken(field) for field in blueprint.fields]
    head = "    from pyspark.sql import functions as F\n\n" if any(part.startswith("F.") for part in parts) else ""
    return f"{head}    {call('return raw.select(', parts, 4)}"


def _taken(field: Field) -> str:
    name, type_ = text(field.column.name), text(field.column.type)
    if not field.source:
        return f"F.lit(None).cast({type_}).alias({name})"
    return f"F.col({name}).cast({type_}).alias({name})" if field.is_cast else name
