"""The grammar of column types, as a dialect of sqlglot. It takes 0.3 s to import, so only a type in parts needs it."""

import re
from collections import Counter
from typing import Any, ClassVar

from sqlglot import TokenType, exp, parse_one
from sqlglot.dialects.dialect import Dialect
from sqlglot.errors import SqlglotError
from sqlglot.tokens import Tokenizer as BaseTokenizer

from lakehouse.declare.sql_text import quote_field
from lakehouse.declare.types import NO_COLLATION, WORDS, is_in_parts
from lakehouse.errors import DeclarationError

# Kinds of sqlglot for the types without parts. It reads more after its own kinds of timestamp (`with time zone`), in
# another meaning than Spark: hence DATETIME and DATETIME2.
_KINDS = {
    "boolean": TokenType.BOOLEAN,
    "tinyint": TokenType.TINYINT,
    "smallint": TokenType.SMALLINT,
    "int": TokenType.INT,
    "bigint": TokenType.BIGINT,
    "float": TokenType.FLOAT,
    "double": TokenType.DOUBLE,
    "decimal(10,0)": TokenType.DECIMAL,
    "string": TokenType.TEXT,
    "binary": TokenType.BINARY,
    "date": TokenType.DATE,
    "timestamp": TokenType.DATETIME,
    "timestamp_ntz": TokenType.DATETIME2,
}
_NESTED = {"array": TokenType.ARRAY, "map": TokenType.MAP, "struct": TokenType.STRUCT}
_CANONICAL = {kind.name: word for word, kind in _KINDS.items()}
# What Delta refuses in the name of a column without column mapping: DeltaColumnMapping.scala, and control characters.
_FORBIDDEN = re.compile(r"[ ,;{}()=\x00-\x1f\x7f]")


def _keywords() -> dict[str, TokenType]:
    kinds = {alias: _KINDS[word] for alias, word in WORDS.items()} | _NESTED
    return {word.upper(): kind for word, kind in kinds.items()} | {
        "NOT": TokenType.NOT,
        "NULL": TokenType.NULL,
        "COMMENT": TokenType.COMMENT,
        "COLLATE": TokenType.COLLATE,
    }


class SparkTypes(Dialect):
    """Spark's words for types and no others, so that each other word is a field's name or an error."""

    IDENTIFIERS_CAN_START_WITH_DIGIT = True

    class Tokenizer(BaseTokenizer):
        """Backquotes around names, and the words of types."""

        IDENTIFIERS: ClassVar[list[Any]] = ["`"]
        QUOTES: ClassVar[list[Any]] = ["'", '"']
        KEYWORDS: ClassVar[dict[str, TokenType]] = _keywords()


def parse(ddl: str) -> str:
    """The one spelling of a type that is not one of `WORDS`.

    Raises:
        DeclarationError: Spark has no such type, or a table here cannot hold it.
    """
    try:
        tree = parse_one(ddl, read=SparkTypes, into=exp.DataType)
    except SqlglotError:
        raise DeclarationError("it cannot be read") from None
    return _type(tree)


def _type(node: exp.Expr) -> str:
    kind = node.this.name if isinstance(node, exp.DataType) and isinstance(node.this, exp.DType) else ""
    if node.args.get("collate"):
        raise DeclarationError(NO_COLLATION)
    if kind == "ARRAY":
        return f"array<{','.join(_type(part) for part in _parts(node, 1))}>"
    if kind == "MAP":
        key, value = (_type(part) for part in _parts(node, 2))
        if is_in_parts(key):
            raise DeclarationError(
                "Trino's client cannot read a map whose key is in parts: give it a plain key, or declare an array of "
                "structs"
            )
        return f"map<{key},{value}>"
    if kind == "STRUCT":
        return _struct(node.expressions)
    if kind == "DECIMAL" and node.expressions:
        return _decimal([part.name for part in node.expressions])
    if kind not in _CANONICAL or node.expressions:
        raise DeclarationError("it has a part that is no type")
    return _CANONICAL[kind]


def _parts(node: exp.Expr, count: int) -> list[exp.Expr]:
    if len(node.expressions) != count:
        raise DeclarationError("an array has one type in it and a map two: `array<int>`, `map<string,int>`")
    return node.expressions


def _decimal(digits: list[str]) -> str:
    numbers = [int(part) for part in digits if re.fullmatch(r"[0-9]{1,3}", part)]
    precision, scale = (*numbers, 0)[:2] if numbers else (0, 0)
    if len(numbers) != len(digits) or len(digits) > 2 or not (1 <= precision <= 38 and scale <= precision):
        raise DeclarationError("a decimal has 1 to 38 digits, and no more after the point than in all: `decimal(10,2)`")
    return f"decimal({precision},{scale})"


def _struct(fields: list[exp.Expr]) -> str:
    if not fields:
        raise DeclarationError("a struct has at least one field: `struct<a:int>`")
    names = [field.this.name for field in fields if isinstance(field.this, exp.Identifier)]
    if len(names) != len(fields):
        raise DeclarationError("each field of a struct has a name, in backquotes if it has odd characters")
    twice = sorted(name for name, count in Counter(name.lower() for name in names).items() if count > 1)
    if twice:
        raise DeclarationError(f"two fields of one struct are called `{twice[0]}`; upper and lower case are one name")
    return f"struct<{','.join(map(_field, names, fields))}>"


def _field(name: str, field: exp.Expr) -> str:
    if not name or _FORBIDDEN.search(name):
        raise DeclarationError(f"Delta refuses the field `{name}`: use no space, control character or one of ,;{{}}()=")
    for constraint in field.args.get("constraints") or ():
        kind = constraint.args.get("kind")
        if isinstance(kind, exp.CollateColumnConstraint):
            raise DeclarationError(NO_COLLATION)
        if isinstance(kind, exp.CommentColumnConstraint):
            raise DeclarationError("a comment inside a type is not kept: say it in the column's `comment`")
        raise DeclarationError(
            f"NOT NULL and the like inside a type are not checked: give the table a constraint instead, "
            f"such as `column.{name} IS NOT NULL`"
        )
    return f"{quote_field(name)}:{_type(field.args['kind'])}"


def parts(ddl: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    """What a canonical type is made of: `array`, `map` or `struct`, and the name and type of each part.

    The part of an array is called `element`, those of a map `key` and `value`.
    """
    node = parse_one(ddl, read=SparkTypes, into=exp.DataType)
    kind = node.this.name.lower()
    if kind == "struct":
        return kind, tuple((field.this.name, _type(field.args["kind"])) for field in node.expressions)
    names = ("element",) if kind == "array" else ("key", "value")
    return kind, tuple(zip(names, map(_type, node.expressions), strict=True))
