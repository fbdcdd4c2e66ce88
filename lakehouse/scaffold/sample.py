"""What a sample file tells: its columns, their types, and what the values are like."""

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from lakehouse.errors import LakehouseError
from lakehouse.scaffold.blueprint import OURS, snake
from lakehouse.scaffold.profile import SampleColumn, profiled

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
class Sample:
    """A sample file.

    Args:
        path: The file.
        format: `csv`, `json` or `parquet`.
        separator: Of a CSV.
        rows: Rows that were looked at.
        columns: In the file's order.
        values: The rows that were looked at, under the file's names.
    """

    path: Path
    format: str
    separator: str
    rows: int
    columns: tuple[SampleColumn, ...]
    values: "pa.Table" = field(repr=False, compare=False)

    def is_unique(self, sources: Sequence[str]) -> bool:
        """Whether no two rows have the same values in these columns, and no value of them is missing."""
        rows = self.values.select(list(sources))
        if any(rows[name].null_count for name in sources):
            return False
        distinct = rows.group_by(list(sources)).aggregate([])
        return bool(rows.num_rows > 1 and distinct.num_rows == rows.num_rows)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # no file can have the name: it is too long, or holds what no name does
        return False


def read_sample(path: Path) -> Sample:
    """Look at a file.

    Raises:
        LakehouseError: it is not there, of another format, empty or malformed. The message holds no value of it.
    """
    import pyarrow as pa

    format_ = FORMATS.get(path.suffix.lower())
    if not _is_file(path) or format_ is None:
        why = "is of no format that can be read" if _is_file(path) else "is not there"
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
    _check_names(path, table.column_names)
    columns = tuple(
        profiled(snake(name), name, spark_type(name, table[name].type, format_), table[name])
        for name in table.column_names
    )
    return Sample(path, format_, separator, table.num_rows, columns, table)


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
        inside = (f"{_inner_name(source, part.name)}:{spark_type(source, part.type, format_)}" for part in type_)
        return f"struct<{','.join(inside)}>"
    if pa.types.is_map(type_):
        key, item = spark_type(source, type_.key_type, format_), spark_type(source, type_.item_type, format_)
        return f"map<{key},{item}>"
    return f"array<{spark_type(source, type_.value_type, format_)}>"


def _inner_name(source: str, name: str) -> str:
    if not re.fullmatch(r"[A-Za-z_]\w*", name, flags=re.ASCII):
        raise LakehouseError(
            f"column {source!r}: the field {name!r} within it cannot be declared. "
            "Use letters, digits and _ for it in the file."
        )
    return name


def _check_names(path: Path, sources: Sequence[str]) -> None:
    """Every name of a file must become the name of one column, and must stand in one line."""
    seen: dict[str, str] = {}
    for source in sources:
        name = snake(source)
        if not name or name in OURS or re.search(r"[`\x00-\x1f\x7f\x85\u2028\u2029]", source):
            raise LakehouseError(f"{path}: {source!r} cannot be the name of a column. Rename it in the file.")
        if name in seen:
            raise LakehouseError(
                f"{path}: {seen[name]!r} and {source!r} would both be the column `{name}`. Rename one in the file."
            )
        seen[name] = source
