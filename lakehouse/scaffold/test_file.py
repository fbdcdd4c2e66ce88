"""The test of a new table: its columns have their types, and what cannot be read is named."""

from string import Template

from lakehouse.scaffold.asset_file import INPUTS
from lakehouse.scaffold.blueprint import Blueprint, title
from lakehouse.scaffold.code import call, text

_TYPED = """    assert [(field.name, field.dataType.simpleString()) for field in result.schema.fields] == [
        (column.name, column.type) for column in $constant.columns
    ]"""

_LINES = Template(
    '''"""$title: fields are typed, and what cannot be read is named."""

from datetime import datetime
from typing import TYPE_CHECKING

from assets.$layer.$entity import $constant, $function

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

$header$given$expected

def landed(spark: "SparkSession", *texts: str) -> "DataFrame":
    schema = "line string, _source_file string, _source_row bigint, _batch_id string, _ingested_at timestamp"
    at = datetime(2026, 1, 1)
    return spark.createDataFrame(
        [(text, "landing/a", row, "batch-1", at) for row, text in enumerate(texts, start=1)], schema
    )


def test_the_fields_of_a_line_have_their_types(spark: "SparkSession") -> None:
    result = $function(landed(spark, $good))

'''
    + _TYPED
    + """
    [row] = result.selectExpr(*(f"cast({name} as string)" for name in EXPECTED), "_unreadable").collect()
    assert row.asDict() == {**EXPECTED, "_unreadable": None}


def test_a_line_that_cannot_be_read_is_named(spark: "SparkSession") -> None:
    [row] = $function(landed(spark, $bad)).collect()

    assert row["_unreadable"] == "line"
"""
)
_SHAPE = Template(
    '''"""$title: columns and types."""

from typing import TYPE_CHECKING

$imports

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def test_the_columns_have_their_types(spark: "SparkSession") -> None:
$source    $input = spark.createDataFrame([], $schema)

    result = $function($input)

'''
    + _TYPED
    + "\n"
)


def test_file(blueprint: Blueprint) -> str:
    """The source of `tests/assets/<layer>/test_<entities>.py`."""
    kind, table = blueprint.origin.format, blueprint.table
    named = {"title": title(table.entity), "constant": blueprint.constant, "function": blueprint.function}
    if kind in ("csv", "json"):
        return _LINES.substitute(named, layer=table.layer, entity=table.entity, **_lines(blueprint))
    ours = ", ".join(sorted([blueprint.constant, *(["SCHEMA"] if kind == "parquet" else []), blueprint.function]))
    imports = [f"from assets.{table.layer}.{table.entity} import {ours}"]
    if kind == "table":
        imports.append(f"from {blueprint.origin.module} import {blueprint.origin.constant}")
    source = '    source = "_source_file string, _source_row bigint, _batch_id string, _ingested_at timestamp"\n'
    schema = 'f"{SCHEMA}, {source}"' if kind == "parquet" else f"{blueprint.origin.constant}.schema"
    source = source if kind == "parquet" else ""
    return _SHAPE.substitute(
        named, imports="\n".join(sorted(imports)), input=INPUTS[kind], source=source, schema=schema
    )


def _lines(blueprint: Blueprint) -> dict[str, str]:
    """A line with a made-up value for each column, and what it gives."""
    import json

    values = {field: _example(field.column.type) for field in blueprint.fields}
    expected = [f"{text(f.column.name)}: {text(e) if e is not None else 'None'}" for f, (_, e) in values.items()]
    wanted = call("EXPECTED: dict[str, str | None] = {", expected, 0, "}") + "\n"
    separator = blueprint.origin.separator
    if blueprint.origin.format == "csv":
        line = separator.join(given for given, _ in values.values())
        header = "HEADER = " + _long(separator.join(field.source for field in blueprint.fields))
        broken = f"LINE + {text(separator * 2)}"
        return {
            "header": header,
            "given": "LINE = " + _long(line),
            "expected": wanted,
            "good": "HEADER, LINE",
            "bad": f"HEADER, {broken}",
        }
    line = json.dumps(
        {field.source: given for field, (given, wanted_) in values.items() if wanted_ is not None}, ensure_ascii=False
    )
    return {"header": "", "given": "LINE = " + _long(line), "expected": wanted, "good": "LINE", "bad": "LINE[:-1]"}


def _long(value: str) -> str:
    """A string literal, in parts where it is longer than a line."""
    if len(text(value)) < 110:
        return text(value) + "\n"
    parts = [value[at : at + 100] for at in range(0, len(value), 100)]
    return "(\n" + "".join(f"    {text(part)}\n" for part in parts) + ")\n"


def _example(type_: str) -> tuple[str, str | None]:
    """A text that is a value of a type, and that value as text; None where no text is."""
    if type_.startswith("decimal("):
        precision, scale = map(int, type_[8:-1].split(","))
        whole = "1" if precision > scale else "0"
        value = whole + ("." + "1" * scale if scale else "")
        return value, value
    known = {
        "boolean": ("true", "true"),
        "float": ("1.5", "1.5"),
        "double": ("1.5", "1.5"),
        "date": ("2026-01-02", "2026-01-02"),
        "timestamp": ("2026-01-02T03:04:05Z", "2026-01-02 03:04:05"),
        "timestamp_ntz": ("2026-01-02T03:04:05", "2026-01-02 03:04:05"),
        "string": ("a", "a"),
        "binary": ("a", "a"),
    }
    if type_.startswith(("struct", "array", "map")):
        return "", None
    return known.get(type_, ("1", "1"))
