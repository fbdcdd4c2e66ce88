"""What the engine, or a function of the project, cannot do: each command says what error it is, of which table, where.

Nothing of it is a trace, and nothing of it is a value of the data.
"""

import re
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from lakehouse.delta.history import version_of
from lakehouse.errors import LakehouseError
from lakehouse.sql.ask_trino import ask
from lakehouse.workspace import Workspace
from tests.library.cli.calls import answers
from tests.library.cli.test_no_trace import CANARY, wrong

HEAD = """
from pyspark.sql import functions as F

from lakehouse import Column, Foreign, ParquetFiles, Table, table_asset

COLUMNS = (Column("id", "bigint", "Key"), Column("name", "string", "Name"))
"""
ASSET = '''

T{place} = Table("silver.{name}", columns=COLUMNS, grain="one row per thing")


@table_asset(T{place}, reads={{"raw": {reads}}})
def made_{place}(raw):
    """Fails."""
    {body}
'''
RAW = 'Foreign("bronze.{}")'
ODD = """def odd(text):
        raise ValueError(f"what is {text}?")

    """
# What a function does, and what is said of it.
FAULTS = {
    "cast": ("return raw.select(F.col('name').cast('bigint').alias('id'), 'name')", "CAST_INVALID_INPUT"),
    "cast_in_sql": ("return raw.selectExpr('CAST(name AS bigint) AS id', 'name')", "CAST_INVALID_INPUT"),
    "date": ("return raw.where(F.to_date('name') > '2026-01-01')", "CAST_INVALID_INPUT"),
    "zero": ("return raw.withColumn('id', (F.col('id') / (F.col('id') * 0)).cast('bigint'))", "DIVIDE_BY_ZERO"),
    "overflow": ("return raw.withColumn('id', F.col('id') + F.lit(9223372036854775807))", "ARITHMETIC_OVERFLOW"),
    "raised": ("return raw.withColumn('name', F.raise_error('name').cast('string'))", "USER_RAISED_EXCEPTION"),
    "udf": (f"{ODD}return raw.withColumn('name', F.udf(odd, 'string')('name'))", "ValueError"),
    "python": ("raise ValueError(raw.first()['name'])", "ValueError"),
    "code": ("return raw.select(nmae)", "NameError: name 'nmae' is not defined"),
    "ambiguous": ("return raw.alias('a').crossJoin(raw.alias('b')).select('id', 'name')", "AMBIGUOUS_REFERENCE: `id`"),
    "twice": ("return raw.select('id', 'name', 'name')", "expected one column, got 2 of this name"),
    "no_column": ("return raw.select('id', 'nmae')", "UNRESOLVED_COLUMN.WITH_SUGGESTION: `nmae`"),
    "no_table": ("return raw.sparkSession.table('silver.nowhere')", "TABLE_OR_VIEW_NOT_FOUND: `silver`.`nowhere`"),
    "no_sql": (f'return raw.sparkSession.sql("select \'{CANARY}")', "PARSE_SYNTAX_ERROR"),
    "nothing": ("raw.select('id', 'name')", "expected to return a DataFrame of Spark, got nothing"),
    "pandas": ("return raw.toPandas()", "expected to return a DataFrame of Spark, got pandas's DataFrame"),
}
# Those whose place in the project Spark does not tell: the shape check, and SQL text.
NO_PLACE = {"cast_in_sql", "date", "twice", "parquet", "raised", "no_table"}


@pytest.fixture(scope="module")
def project(workspace: Workspace, spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A project with a table for each fault, over a table and files that hold the canary."""
    folder, run = tmp_path_factory.mktemp("refused"), uuid.uuid4().hex[:6]
    (folder / "assets").mkdir()
    (folder / "assets" / "__init__.py").touch()
    spark.createDataFrame([(1, CANARY), (2, CANARY)], "id bigint, name string").createOrReplaceTempView("refused")
    spark.sql(f"CREATE TABLE bronze.refused_{run} USING delta AS SELECT * FROM refused")
    spark.table("refused").selectExpr("name AS id", "id AS name").write.parquet(f"{folder}/landing/files")
    raw = RAW.format(f"refused_{run}")
    files = "ParquetFiles('landing/files/*.parquet', 'id bigint, name string')"
    kept = "('_source_file', 'string', 'File'), ('_source_row', 'bigint', 'Row'), ('_batch_id', 'string', 'Batch')"
    parquet = "return raw.drop('_ingested_at')"
    code = [ASSET.format(place=n, name=f"{k}_{run}", reads=raw, body=b) for n, (k, (b, _)) in enumerate(FAULTS.items())]
    code.append(f"COLUMNS = (*COLUMNS, *(Column(*given) for given in ({kept})))")
    code.append(ASSET.format(place="p", name=f"parquet_{run}", reads=files, body=parquet))
    (folder / "assets" / "faults.py").write_text(HEAD + "\n".join(code))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAKEHOUSE_PROJECT", str(folder))
        patch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
        yield folder


def names(project: Path) -> dict[str, str]:
    """The tables by their faults."""
    given = re.findall(r'Table\("(silver\.(\w+)_\w+)"', (project / "assets" / "faults.py").read_text())
    return {fault: name for name, fault in given}


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_run_that_cannot_be_computed_names_the_table_the_error_and_the_place(
    project: Path, workspace: Workspace
) -> None:
    expected = {fault: words for fault, (_, words) in FAULTS.items()}
    expected["parquet"] = "FAILED_READ_FILE.PARQUET_COLUMN_DATA_TYPE_MISMATCH: column [id]"
    tables = names(project)
    assert set(tables) == set(expected)

    told = answers([["run", name] for name in tables.values()])

    assert wrong(told) == []
    for (fault, name), (_, code, text) in zip(tables.items(), told, strict=True):
        begin = f"{name} was not written, it does not exist yet"
        if version_of(workspace, name) is not None:
            begin = f"{name} was not written, it stays at version 0"
        assert (code, text.startswith(begin)) == (1, True), text
        assert expected[fault] in text, text
        place = f"{project}/assets/faults.py, line "
        assert fault in NO_PLACE or place in text, text
        assert len(text.splitlines()) <= 4, text


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_quarantine_of_a_condition_that_fails_for_a_row_stays_as_it_is(
    project: Path, workspace: Workspace, spark: SparkSession
) -> None:
    name = next(iter(names(project).values()))
    quarantine = f"quarantine.{name.replace('.', '_')}"
    spark.sql(
        f"CREATE TABLE {quarantine} USING delta AS SELECT id, name, 'r' AS _row_id, 'waiting' AS _state, "
        f"array('x') AS _broken_rules FROM refused"
    )

    told = answers(
        [
            ["quarantine", "show", name, "--where", "CAST(name AS int) = 1"],
            ["quarantine", "show", name, "--where", "1 / (id * 0) = 1"],
            ["quarantine", "show", name, "--where", "nmae = 1"],
            ["quarantine", "fix", name, "--set", "id = CAST(name AS bigint)", "--why", "a test"],
            ["quarantine", "fix", name, "--set", "id = id + 9223372036854775807"],
            ["quarantine", "discard", name, "--where", "CAST(name AS date) > '2026-01-01'", "--why", "a test"],
            ["quarantine", "replay", name, "--where", "CAST(name AS int) = 1"],
        ]
    )

    assert wrong(told) == []
    assert {code for _, code, _ in told} == {1}
    assert all(quarantine in text or name in text for _, _, text in told)
    kinds = [re.search(r"\((\w+)[).]", text) for _, _, text in told]
    assert [kind and kind[1] for kind in kinds] == [
        "CAST_INVALID_INPUT",
        "DIVIDE_BY_ZERO",
        "UNRESOLVED_COLUMN",
        "CAST_INVALID_INPUT",
        "ARITHMETIC_OVERFLOW",
        "CAST_INVALID_INPUT",
        "CAST_INVALID_INPUT",
    ]
    assert {row[0] for row in spark.sql(f"SELECT _state FROM {quarantine}").collect()} == {"waiting"}


def test_the_error_itself_with_its_values_is_kept_for_its_owner(project: Path, workspace: Workspace) -> None:
    [(_, _, text)] = answers([["run", names(project)["udf"]]])

    assert "`lakehouse logs command -n 200` has the error with its text" in text
    assert f"what is {CANARY}?" in (workspace.logs / "command.log").read_text()


@pytest.mark.services
@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("select cast(name as bigint) from {}", "Trino cannot compute the statement for a row (INVALID_CAST_ARGUMENT)"),
        ("select id / (id * 0) from {}", "Trino cannot compute the statement for a row (DIVISION_BY_ZERO)"),
        ("select nmae from {}", "Trino refuses: line 1:8: Column 'nmae' cannot be resolved"),
    ],
)
def test_trino_says_no_value_of_a_row(
    project: Path, workspace: Workspace, sql_layer: str, statement: str, message: str
) -> None:
    raw = re.search(r'Foreign\("(bronze\.\w+)"', (project / "assets" / "faults.py").read_text())
    assert raw is not None

    with pytest.raises(LakehouseError) as refused:
        ask(workspace, statement.format(raw[1]))

    assert str(refused.value).startswith(message)
    assert CANARY not in str(refused.value)
    assert refused.value.__suppress_context__
