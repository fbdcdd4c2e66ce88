"""Delta's own golden tables: what one reader reads, each reads alike, or refuses for a reason that stands here.

The tables are those of https://github.com/delta-io/delta/tree/master/connectors/golden-tables. Their archive is at
`GOLDEN_TABLES`, or in `../shared/data` beside the project.
"""

import os
import shutil
import struct
import tarfile
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable
from pyspark.sql import SparkSession

from lakehouse.delta.deletion_vectors import read_vector
from lakehouse.delta.live_files import live_files
from lakehouse.delta.log import log_of
from lakehouse.sql.ask_trino import ask
from lakehouse.workspace import Workspace
from tests.library.by_delta_rs import asked

BESIDE = Path(__file__).parents[4] / "shared" / "data" / "delta-golden-tables.tar.gz"
ARCHIVE = Path(os.environ.get("GOLDEN_TABLES", BESIDE))
SPARK, TRINO, DELTA_RS, OURS = READERS = ("Spark", "Trino", "delta-rs", "log replay")

# Words of the refusal by reader. A log of these says no schema.
_NO_SCHEMA = {SPARK: "DELTA_READ_TABLE_WITHOUT_COLUMNS", TRINO: "Serialized schema not found", DELTA_RS: "schemaString"}
_NO_METADATA = {SPARK: "DELTA_STATE_RECOVER_ERROR", TRINO: "Metadata not found", DELTA_RS: "No table metadata"}
_NO_PROTOCOL = {SPARK: "DELTA_STATE_RECOVER_ERROR", TRINO: "Protocol not found"}
# The log names data files that were never written: it can be replayed, and no file of it can be read.
_NO_FILE = {SPARK: "FILE_NOT_EXIST", TRINO: "Error opening Hive split", DELTA_RS: "", OURS: "FileNotFoundError"}
_MADE_UP = {OURS: "FileNotFoundError"}
# delta-rs 1.6 knows the name of neither feature, and Trino 476 not that of the preview.
_PREVIEW = {DELTA_RS: "TypeWideningPreview", TRINO: "relation that has no columns"}
_VACUUM_CHECK = {DELTA_RS: "VacuumProtocolCheck"}
# Arrow's view of a column of variants that holds nulls; Trino 476 reads no null of a variant.
_VARIANT = {SPARK: "nulls in input cannot be viewed as non-nullable", TRINO: "keyBlock and valueBlock"}
# Trino reads the map, and its client has no value for a key that is an array.
_ARRAY_AS_KEY = {TRINO: "Python has no value for what a column of the answer holds"}

REFUSED: dict[str, dict[str, str]] = {
    **dict.fromkeys(
        (
            *(f"canonicalized-paths-{kind}" for kind in ("normal-a", "normal-b", "special-a", "special-b")),
            *("corrupted-last-checkpoint", "deltalog-commit-info", "update-deleted-directory"),
        ),
        _NO_SCHEMA | _MADE_UP,
    ),
    **dict.fromkeys(
        (
            "data-reader-absolute-paths-escaped-chars",
            "deltalog-state-reconstruction-from-checkpoint-missing-metadata",
            "deltalog-state-reconstruction-without-metadata",
        ),
        _NO_METADATA | _MADE_UP,
    ),
    **dict.fromkeys(
        ("checkpoint", "delete-re-add-same-file-different-transactions", "log-replay-special-characters-b"), _NO_FILE
    ),
    "deltalog-state-reconstruction-from-checkpoint-missing-protocol": _NO_PROTOCOL
    | {DELTA_RS: "schemaString"}
    | _MADE_UP,
    "deltalog-state-reconstruction-without-protocol": _NO_PROTOCOL | {DELTA_RS: "No protocol found"} | _MADE_UP,
    "deltalog-invalid-protocol-version": {
        SPARK: "DELTA_INVALID_PROTOCOL_VERSION",
        TRINO: "does not exist",
        DELTA_RS: "Invalid protocol action",
        **_MADE_UP,
    },
    "versions-not-contiguous": {
        SPARK: "DELTA_VERSIONS_NOT_CONTIGUOUS",
        TRINO: "Serialized schema not found",
        DELTA_RS: "Expected contiguous commit files",
        OURS: "commit 1 is missing",
    },
    "basic-with-vacuum-protocol-check-feature": _VACUUM_CHECK,
    "spark-variant-checkpoint": _VARIANT,
    "table-with-columnmapping-mode-id": _ARRAY_AS_KEY,
    "table-with-columnmapping-mode-name": _ARRAY_AS_KEY,
    "table-with-icebegCompatV2Enabled": {TRINO: "Column mapping mode must be 'name'"},
    "type-widening": _PREVIEW,
    "type-widening-nested": _PREVIEW,
}


def _names() -> list[str]:
    """The tables of the archive: some lie in a folder of their own."""
    with tarfile.open(ARCHIVE) as archive:
        folders = {name.partition("/_delta_log/")[0] for name in archive.getnames() if "/_delta_log/" in name}
    return sorted(folder.removeprefix("golden/") for folder in folders)


NAMES = _names() if ARCHIVE.is_file() else []
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not NAMES, reason=f"{ARCHIVE} is not there: name the golden tables' archive by GOLDEN_TABLES"),
]


@pytest.fixture(scope="module")
def golden(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("golden")
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(folder, filter="data")
    yield folder / "golden"
    shutil.rmtree(folder)


def _in_trino(workspace: Workspace, spark: SparkSession, root: Path, folder: Path) -> list[tuple[Any, ...]]:
    """The rows as Trino reads them, of a copy that the catalogue was told of before it was put there.

    Spark tells it of no table that Spark cannot read.
    """
    name, place = f"bronze.golden_{uuid.uuid4().hex[:10]}", folder / "table"
    spark.sql(f"CREATE DATABASE IF NOT EXISTS bronze LOCATION '{workspace.warehouse}/bronze'")
    spark.sql(f"CREATE TABLE {name} (nothing int) USING DELTA LOCATION '{place}'")
    shutil.rmtree(place)
    shutil.copytree(root, place)
    try:
        return list(ask(workspace, f"SELECT * FROM {name}").rows)
    finally:
        shutil.rmtree(place)


def _in_delta_rs(root: Path) -> pa.Table:
    return asked(DeltaTable(root), "SELECT * FROM t")


def _rows_by_file(root: Path) -> Counter[Path]:
    """How many rows of each file are live, by our replay of the log."""
    log = log_of(str(root))
    counts: Counter[Path] = Counter()
    for path, action in live_files(log, log.latest or 0).items():
        file = root / unquote(path)
        vector = action.get("deletionVector")
        counts[file] += pq.read_metadata(file).num_rows - (len(read_vector(str(root), vector)) if vector else 0)
    return +counts


def _rows_by_file_in_spark(spark: SparkSession, root: Path) -> Counter[Path]:
    files = spark.read.format("delta").load(str(root)).selectExpr("input_file_name() AS file").groupBy("file").count()
    return Counter({Path(unquote(urlsplit(row[0]).path)): row[1] for row in files.collect()})


def _plain(value: Any, type_: pa.DataType) -> Any:
    """A value by which the clients of the engines say the same thing alike."""
    plain = value
    if value is None:
        plain = None
    elif pa.types.is_struct(type_):
        fields = value.values() if isinstance(value, dict) else value
        plain = tuple(_plain(part, field.type) for part, field in zip(fields, type_, strict=True))
    elif pa.types.is_map(type_):
        pairs = value.items() if isinstance(value, dict) else value
        plain = sorted(((_plain(k, type_.key_type), _plain(v, type_.item_type)) for k, v in pairs), key=repr)
    elif pa.types.is_list(type_):
        plain = [_plain(part, type_.value_type) for part in value]
    elif pa.types.is_float32(type_):
        (plain,) = struct.unpack("f", struct.pack("f", value))
    elif isinstance(value, datetime):
        plain = (value.astimezone(UTC) if value.tzinfo else value).isoformat()
    elif isinstance(value, Decimal):
        plain = value.normalize()
    return plain


def _exact(rows: pa.Table | list[tuple[Any, ...]], schema: pa.Schema) -> pa.Table:
    given = (
        rows.columns if isinstance(rows, pa.Table) else [pa.array(row[i] for row in rows) for i in range(len(schema))]
    )
    columns = [column.cast(type_) for column, type_ in zip(given, schema.types, strict=True)]
    return pa.table(columns, schema.names).sort_by([(name, "ascending") for name in schema.names])


def _sorted(rows: pa.Table | list[tuple[Any, ...]], schema: pa.Schema) -> Any:
    """The rows in order, by what can be compared. Exact numbers are Arrow's: two tables have a million rows of them."""
    if all(pa.types.is_decimal(type_) or pa.types.is_integer(type_) for type_ in schema.types):
        return _exact(rows, schema)
    listed = [tuple(row.values()) for row in rows.to_pylist()] if isinstance(rows, pa.Table) else rows
    return sorted(repr([_plain(v, field.type) for v, field in zip(row, schema, strict=True)]) for row in listed)


def _said(read: Callable[[], Any]) -> tuple[Any, str]:
    """What a reader gives, or the words of its refusal."""
    try:
        return read(), ""
    except Exception as error:
        # Trino's words of what is not the statement's fault are not shown, and are the context of what is.
        return None, f"{type(error).__name__}: {error} {error.__context__ or ''}"


@pytest.mark.parametrize("name", NAMES)
def test_a_golden_table_is_read_alike_by_all_or_refused_for_a_known_reason(
    workspace: Workspace, spark: SparkSession, sql_layer: str, golden: Path, tmp_path: Path, name: str
):
    root, expected = golden / name, REFUSED.get(name, {})
    table, of_spark = _said(lambda: spark.read.format("delta").load(str(root)).toArrow())
    by_trino, of_trino = _said(lambda: _in_trino(workspace, spark, root, tmp_path))
    by_delta_rs, of_delta_rs = _said(lambda: _in_delta_rs(root))
    by_file, of_ours = _said(lambda: _rows_by_file(root))
    refusals = dict(zip(READERS, (of_spark, of_trino, of_delta_rs, of_ours), strict=True))

    assert {reader for reader, words in refusals.items() if words} == expected.keys(), refusals
    assert {reader: expected[reader] for reader in expected if expected[reader] not in refusals[reader]} == {}
    if not of_ours:
        assert by_file == _rows_by_file_in_spark(spark, root)
    if not of_spark:
        rows = _sorted(table, table.schema)
        others = {reader: _sorted(given, table.schema) for reader, given in
                  ((TRINO, by_trino), (DELTA_RS, by_delta_rs)) if given is not None}  # fmt: skip
        assert {reader: given for reader, given in others.items() if given != rows} == {}


def test_each_refusal_is_of_a_table_that_there_is():
    assert set(REFUSED) - set(NAMES) == set()
