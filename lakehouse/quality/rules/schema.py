"""Expectations on the columns themselves: judged from the declaration, no data is read."""

from collections.abc import Callable, Mapping
from typing import Any

from lakehouse.quality.rules.rule import AggregateRule, Outcome
from lakehouse.quality.rules.sql_values import NotCompiledError, bounds, family_of
from lakehouse.quality.suite.suite import Expectation

Columns = Mapping[str, str]
# Canonical types and the classes in pyspark.types that GX compares with, by name.
_CLASSES = {
    "tinyint": "ByteType", "smallint": "ShortType", "int": "IntegerType", "bigint": "LongType", "float": "FloatType",
    "double": "DoubleType", "decimal": "DecimalType", "string": "StringType", "date": "DateType",
    "timestamp": "TimestampType", "boolean": "BooleanType", "binary": "BinaryType",
    "timestamp_ntz": "TimestampNTZType", "array": "ArrayType", "map": "MapType", "struct": "StructType",
}  # fmt: skip
_KNOWN = frozenset(_CLASSES.values())


def _known(outcome: Outcome) -> Callable[[Mapping[str, Any]], Outcome]:
    return lambda _values: outcome


def _rule(judge: Callable[[Mapping[str, Any], Columns], Outcome]) -> Callable[[Expectation, Columns], AggregateRule]:
    def rule(expectation: Expectation, columns: Columns) -> AggregateRule:
        return AggregateRule(expectation, (), _known(judge(expectation.kwargs, columns)))

    return rule


def _type(kwargs: Mapping[str, Any], columns: Columns) -> Outcome:
    name = kwargs.get("column")
    if name not in columns:
        raise NotCompiledError("the column is not there, or is a field within one")
    types = kwargs.get("type_list") if "type_list" in kwargs else [kwargs.get("type_")]
    word = columns[str(name)].partition("(")[0].partition("<")[0]
    if word not in _CLASSES or not isinstance(types, list) or not types or not set(types) <= _KNOWN:
        raise NotCompiledError("a type that is not among the plain ones of pyspark.types")
    return Outcome(_CLASSES[word] in types, _CLASSES[word])


def _exists(kwargs: Mapping[str, Any], columns: Columns) -> Outcome:
    names, index = list(columns), kwargs.get("column_index")
    if isinstance(index, bool) or not isinstance(index, int | None):
        raise NotCompiledError("an index that is no whole number")
    if not index:
        return Outcome(kwargs.get("column") in names)
    return Outcome(-len(names) <= index < len(names) and names[index] == kwargs.get("column"))


def _ordered(kwargs: Mapping[str, Any], columns: Columns) -> Outcome:
    names = kwargs.get("column_list")
    return Outcome(names is None or list(names) == list(columns), list(columns))


def _set(kwargs: Mapping[str, Any], columns: Columns) -> Outcome:
    declared, names = set(kwargs.get("column_set") or ()), set(columns)
    exact = kwargs.get("exact_match", True)
    return Outcome(declared == names if exact else declared <= names, sorted(names))


def _count(kwargs: Mapping[str, Any], columns: Columns) -> Outcome:
    count = len(columns)
    if "value" in kwargs:
        return Outcome(count == kwargs["value"], count)
    low, high = bounds(kwargs)
    if any(bound is not None and not isinstance(bound, float) for bound in (low, high)):
        raise NotCompiledError("a count of columns that is no number")
    return Outcome((low is None or count >= low) and (high is None or count <= high), count)


def _flat(judge: Callable[[Mapping[str, Any], Columns], Outcome]) -> Callable[[Expectation, Columns], AggregateRule]:
    """GX lists the fields of structs among the columns: tables with structs are left to it."""

    def checked(kwargs: Mapping[str, Any], columns: Columns) -> Outcome:
        if any(family_of(kind) == "other" and "struct" in kind.lower() for kind in columns.values()):
            raise NotCompiledError("a table with structs, whose fields GX lists as columns")
        return judge(kwargs, columns)

    return _rule(checked)


SCHEMA_RULES: dict[str, Callable[[Expectation, Columns], AggregateRule]] = {
    "expect_column_values_to_be_of_type": _rule(_type),
    "expect_column_values_to_be_in_type_list": _rule(_type),
    "expect_column_type_to_be": _rule(_type),
    "expect_column_to_exist": _flat(_exists),
    "expect_table_columns_to_match_ordered_list": _flat(_ordered),
    "expect_table_columns_to_match_set": _flat(_set),
    "expect_table_column_count_to_equal": _flat(_count),
    "expect_table_column_count_to_be_between": _flat(_count),
}
