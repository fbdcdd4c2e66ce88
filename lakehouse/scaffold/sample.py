"""What a sample file tells: its columns, their types, and what the values are like."""

import io
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lakehouse.errors import LakehouseError
from lakehouse.scaffold.blueprint import OURS, snake

if TYPE_CHECKING:
    import pyarrow as pa

FORMATS = {
    ".csv": "csv",
    ".tsv": "csv",
    ".jsonl": "json",
    ".ndjson": "json",
    ".json": "json",
    ".parquet": "parquet",
}
# As much of a file as is looked at.
_BYTES = 32 * 2**20
_ROWS = 200_000
_FEW = 12
_SIMPLE = {
    "bool": "boolean",
    "int8": "tinyint",
    "int16": "smallint",
    "int32": "int",
    "int64": "bigint",
    "uint8": "smallint",
    "uint16": "int",
    "uint32": "bigint",
    "uint64": "decimal(20,0)",
    "halffloat": "float",
    "float": "float",
    "double": "double",
    "date32[day]": "date",
    "date64[ms]": "date",
    "binary": "binary",
    "large_binary": "binary",
}


@dataclass(frozen=True)
class SampleColumn:
    """One column of a sample.

    Args:
        name: As a column is called.
        source: As the file calls it.
        type: Spark SQL type.
        has_nulls: Whether a value is missing.
        is_unique: Whether no value comes twice.
        values: The distinct values, where they are few and come again and again.
        low: Lowest number.
        high: Highest number.
    """

    name: str
    source: str
    type: str
    has_nulls: bool
    is_unique: bool
    values: tuple[Any, ...] = ()
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Sample:
    """A sample file.

    Args:
        path: The file.
        format: `csv`, `json` or `parquet`.
        separator: Of a CSV.
        rows: Rows that were looked at.
        columns: In the file's order.
    """

    path: Path
    format: str
    separator: str
    rows: int
    columns: tuple[SampleColumn, ...]


def read_sample(path: Path) -> Sample:
    """Look at a file.

    Raises:
        LakehouseError: it is not there, of another format, empty or malformed. The message holds no value of it.
    """
    import pyarrow as pa

    format_ = FORMATS.get(path.suffix.lower())
    if not path.is_file() or format_ is None:
        why = "is of no format that can be read" if path.is_file() else "is not there"
        raise LakehouseError(f"{path} {why}. Expected a file that ends in {', '.join(FORMATS)}.")
    separator = ","
    try:
        if format_ == "csv":
            separator = _separator(path)
            table = _read_csv(path, separator)
        else:
            table = _read_json(path) if format_ == "json" else _read_parquet(path)
    except (pa.ArrowInvalid, UnicodeDecodeError):
        kind = {"csv": "CSV with a header", "json": "JSON with one object per line"}.get(format_, "Parquet")
        # Arrow's message quotes the row.
        raise LakehouseError(f"{path} cannot be read as {kind}, in UTF-8.") from None
    if not table.num_rows or not table.num_columns:
        raise LakehouseError(f"{path} has no rows to learn from. Give a sample with rows, or `--columns`.")
    columns = tuple(_column(name, table[name], format_) for name in table.column_names)
    _check_names(path, columns)
    return Sample(path, format_, separator, table.num_rows, columns)


def _head(path: Path) -> bytes:
    """The beginning of a file, up to the end of a line."""
    with path.open("rb") as file:
        body = file.read(_BYTES)
        return body if not file.read(1) else body[: body.rfind(b"\n") + 1]


def _separator(path: Path) -> str:
    header = _head(path)[:65536].decode("utf-8-sig").partition("\n")[0]
    return max((",", ";", "\t", "|"), key=header.count)


def _read_csv(path: Path, separator: str) -> "pa.Table":
    """Types by Arrow; a column whose numbers begin with a zero is text: they are codes."""
    import pyarrow as pa
    import pyarrow.csv as pc

    body = _head(path)
    parse = pc.ParseOptions(delimiter=separator)
    kinds = {"strings_can_be_null": True, "null_values": [""]}
    typed = pc.read_csv(io.BytesIO(body), parse_options=parse, convert_options=pc.ConvertOptions(**kinds))
    names = typed.column_names
    if len(set(names)) < len(names):
        return typed
    as_text = pc.ConvertOptions(column_types={name: pa.string() for name in names}, **kinds)
    text = pc.read_csv(io.BytesIO(body), parse_options=parse, convert_options=as_text)
    for place, name in enumerate(names):
        if pa.types.is_integer(typed[name].type) and any(
            value and re.match(r"[+-]?0\d", value) for value in text[name].to_pylist()
        ):
            typed = typed.set_column(place, name, text[name])
    return typed


def _read_json(path: Path) -> "pa.Table":
    import pyarrow as pa
    import pyarrow.json as pj

    body = _head(path)
    if body.lstrip()[:1] != b"{":
        raise pa.ArrowInvalid("no object at the beginning")
    return pj.read_json(io.BytesIO(body))


def _read_parquet(path: Path) -> "pa.Table":
    import pyarrow as pa
    import pyarrow.parquet as pq

    file = pq.ParquetFile(path)
    first = next(file.iter_batches(batch_size=_ROWS), None)
    return pa.Table.from_batches([] if first is None else [first], schema=file.schema_arrow)


def _column(source: str, values: "pa.ChunkedArray", format_: str) -> SampleColumn:
    import pyarrow.compute as pc

    type_ = spark_type(source, values.type, format_)
    is_number = type_ in ("tinyint", "smallint", "int", "bigint", "float", "double") or type_.startswith("decimal")
    is_plain = is_number or type_ in ("string", "boolean", "date", "timestamp", "timestamp_ntz")
    present = values.drop_null()
    if not is_plain or not len(present):
        return SampleColumn(snake(source), source, type_, values.null_count > 0, is_unique=False)
    distinct = pc.unique(present)
    repeats = len(distinct) <= _FEW and len(distinct) * 5 <= len(present)
    bounds = pc.min_max(present).as_py() if is_number else {"min": None, "max": None}
    return SampleColumn(
        snake(source),
        source,
        type_,
        values.null_count > 0,
        is_unique=len(distinct) == len(values) > 1,
        values=tuple(sorted(distinct.to_pylist())) if repeats and type_ in ("string", "int", "bigint") else (),
        low=None if bounds["min"] is None else float(bounds["min"]),
        high=None if bounds["max"] is None else float(bounds["max"]),
    )


def spark_type(source: str, type_: "pa.DataType", format_: str) -> str:
    """An Arrow type as DDL.

    Raises:
        LakehouseError: Spark cannot read it.
    """
    import pyarrow as pa

    if pa.types.is_dictionary(type_):
        return spark_type(source, type_.value_type, format_)
    if pa.types.is_timestamp(type_):
        if type_.unit == "ns" and format_ == "parquet":
            raise LakehouseError(
                f"column `{source}` has times in nanoseconds, which Spark cannot read. Write the file with "
                '`coerce_timestamps="us"`.'
            )
        return "timestamp" if type_.tz or format_ != "parquet" else "timestamp_ntz"
    if pa.types.is_decimal(type_):
        return f"decimal({type_.precision},{type_.scale})"
    if pa.types.is_nested(type_):
        return _nested(source, type_, format_)
    return _SIMPLE.get(str(type_), "string")


def _nested(source: str, type_: "pa.DataType", format_: str) -> str:
    import pyarrow as pa

    if pa.types.is_struct(type_):
        return f"struct<{','.join(f'{each.name}:{spark_type(source, each.type, format_)}' for each in type_)}>"
    if pa.types.is_map(type_):
        key, item = spark_type(source, type_.key_type, format_), spark_type(source, type_.item_type, format_)
        return f"map<{key},{item}>"
    return f"array<{spark_type(source, type_.value_type, format_)}>"


def _check_names(path: Path, columns: tuple[SampleColumn, ...]) -> None:
    seen: dict[str, str] = {}
    for column in columns:
        if not column.name or column.name in OURS or "`" in column.source:
            raise LakehouseError(f"{path}: `{column.source}` cannot be the name of a column. Rename it in the file.")
        if column.name in seen:
            raise LakehouseError(
                f"{path}: `{seen[column.name]}` and `{column.source}` would both be the column `{column.name}`. "
                "Rename one in the file."
            )
        seen[column.name] = column.source
