"""Spark's types as sqlglot reads them. Importing it imports sqlglot: `lakehouse.declare.types` does so when it must."""

from sqlglot import TokenType, exp, parse_one
from sqlglot.dialects.spark import Spark
from sqlglot.errors import SqlglotError

from lakehouse.declare.sql_text import quote_name
from lakehouse.declare.types import field_name

# The words of Spark's grammar (SqlBaseParser.g4, `type`). sqlglot reads those of other engines too, such as `text`.
WORDS = frozenset(
    (
        *("ARRAY", "MAP", "STRUCT", "BOOLEAN", "TINYINT", "BYTE", "SMALLINT", "SHORT", "INT", "INTEGER", "BIGINT"),
        *("LONG", "FLOAT", "REAL", "DOUBLE", "DECIMAL", "DEC", "NUMERIC", "STRING", "CHAR", "CHARACTER", "VARCHAR"),
        *("BINARY", "DATE", "TIME", "TIMESTAMP", "TIMESTAMP_LTZ", "TIMESTAMP_NTZ", "INTERVAL", "VARIANT", "VOID"),
    )
)
# What stands around a type or in it.
_AROUND = frozenset(("CREATE", "TABLE", "NOT", "NULL", "COMMENT", "COLLATE", "DEFAULT"))
# What they are called in Spark's schemas.
_NAMES = {
    exp.DType.BOOLEAN: "boolean",
    exp.DType.TINYINT: "tinyint",
    exp.DType.SMALLINT: "smallint",
    exp.DType.INT: "int",
    exp.DType.BIGINT: "bigint",
    exp.DType.FLOAT: "float",
    exp.DType.DOUBLE: "double",
    exp.DType.TEXT: "string",
    exp.DType.BINARY: "binary",
    exp.DType.DATE: "date",
    exp.DType.TIMESTAMPTZ: "timestamp",
    exp.DType.TIMESTAMPLTZ: "timestamp",
    exp.DType.TIMESTAMPNTZ: "timestamp_ntz",
    exp.DType.INTERVAL: "interval",
    exp.DType.VARIANT: "variant",
    exp.DType.NULL: "void",
}
# Those with a size: their names and the sizes that Spark adds if the type is written with fewer.
_SIZED = {
    exp.DType.DECIMAL: ("decimal", ("10", "0")),
    exp.DType.CHAR: ("char", ("",)),
    exp.DType.VARCHAR: ("varchar", ("",)),
    exp.DType.TIME: ("time", ("6",)),
}
_NESTED = {exp.DType.ARRAY: ("array", 1), exp.DType.MAP: ("map", 2)}


class SparkTypes(Spark):
    """Spark's dialect as far as types go."""

    class Tokenizer(Spark.Tokenizer):
        """All other words are names, also those that mean something in SQL: Spark takes them for fields."""

        # Two apostrophes in a text are one, as in Spark 4.
        STRING_ESCAPES = ["\\", "'"]  # noqa: RUF012 - sqlglot reads it from the class
        KEYWORDS = {  # noqa: RUF012 - sqlglot reads it from the class
            **{
                word: token
                for word, token in Spark.Tokenizer.KEYWORDS.items()
                if word in WORDS or word in _AROUND or not word[0].isalpha()
            },
            "VOID": TokenType.NULL,
        }


def spelled(ddl: str, *, with_lengths: bool = True) -> str:
    """A type in one spelling; without lengths, each char and varchar in it is a string.

    Raises:
        ValueError: it is no type of Spark, has a collation, or is a column's type with NOT NULL or a comment.
    """
    return _spelled(_parsed(ddl), with_lengths=with_lengths)


def too_long(ddl: str, value: str) -> str:
    """SQL that is true if a text in `value` is longer than its type `ddl` says; empty if the type says nothing."""
    return _too_long(_parsed(ddl), value, 0)


def _too_long(type_: exp.DataType, value: str, depth: int) -> str:
    """The same; `depth` is how many functions stand around `value`, each with a variable of its own."""
    kind, inner = type_.this, type_.expressions
    if kind in (exp.DType.CHAR, exp.DType.VARCHAR):
        return f"coalesce(char_length({value}) > {inner[0].name}, false)"
    if kind == exp.DType.STRUCT:
        fields = (_too_long(field.kind, f"{value}.{quote_name(field.name)}", depth) for field in inner)
        return " OR ".join(filter(None, fields))
    if kind not in _NESTED:
        return ""
    variable = f"x{depth}"
    lists = (value,) if kind == exp.DType.ARRAY else (f"map_keys({value})", f"map_values({value})")
    conditions = [_too_long(element, variable, depth + 1) for element in inner]
    return " OR ".join(
        f"coalesce(exists({elements}, {variable} -> {condition}), false)"
        for elements, condition in zip(lists, conditions, strict=True)
        if condition
    )


def _parsed(ddl: str) -> exp.DataType:
    try:
        # As the one column of a table: sqlglot, as Spark, takes CHAR and VARCHAR for STRING everywhere else.
        table = parse_one(f"CREATE TABLE t (c {ddl})", dialect=SparkTypes)
        columns = table.this.expressions if isinstance(table, exp.Create) and not table.args.get("properties") else []
        column = columns[0] if len(columns) == 1 else None
        if not isinstance(column, exp.ColumnDef) or column.args.get("constraints") or column.kind is None:
            raise ValueError(ddl)
        return column.kind
    except (SqlglotError, TypeError) as error:
        # Some texts that are no SQL end in sqlglot's own check of types.
        raise ValueError(ddl) from error


def _spelled(type_: exp.DataType, *, with_lengths: bool) -> str:
    kind, inner = type_.this, type_.expressions
    if type_.find(exp.CollateColumnConstraint) or type_.args.get("collate"):
        raise ValueError("a collation")
    if kind == exp.DType.STRUCT:
        return f"struct<{','.join(_field(field, with_lengths=with_lengths) for field in inner)}>"
    if kind in _NESTED and len(inner) == _NESTED[kind][1]:
        return f"{_NESTED[kind][0]}<{','.join(_spelled(each, with_lengths=with_lengths) for each in inner)}>"
    if kind in _SIZED:
        return _sized(type_, with_lengths=with_lengths)
    if isinstance(kind, exp.Interval):
        return kind.sql(SparkTypes).lower()
    if kind in _NAMES and not inner:
        return _NAMES[kind]
    raise ValueError(str(kind))


def _sized(type_: exp.DataType, *, with_lengths: bool) -> str:
    name, sizes = _SIZED[type_.this]
    given = tuple(size.name for size in type_.expressions)
    complete = (*given, *sizes[len(given) :])
    if len(complete) != len(sizes) or not all(size.isdigit() for size in complete):
        raise ValueError(name)
    if name in ("char", "varchar") and not with_lengths:
        return "string"
    return f"{name}({','.join(str(int(size)) for size in complete)})"


def _field(field: exp.Expression, *, with_lengths: bool) -> str:
    if not isinstance(field, exp.ColumnDef) or field.kind is None:
        raise ValueError("a field without a type")
    return f"{field_name(field.name)}:{_spelled(field.kind, with_lengths=with_lengths)}"
