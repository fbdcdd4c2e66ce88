"""A new table runs at once: its files are made in an empty project, go through the door, and pass their own tests."""

import json
import os
import subprocess
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from lakehouse.declare.table import quarantine_of
from lakehouse.errors import LakehouseError
from lakehouse.scaffold.blueprint import parse_columns, snake
from lakehouse.scaffold.sample import read_sample
from lakehouse.workspace import Workspace
from tests.library.scaffold.own_project import BIN, ROOT, Project

CSV = """Order ID;zip;Total EUR;is paid;placedAt;day;status;note
o1;00123;1.50;true;2026-01-01T10:00:00Z;2026-01-01;new;"a; b"
o2;00124;22.5;false;2026-01-01T11:00:00Z;2026-01-02;paid;
"""
JSON = [
    {"id": 1, "Kind": "a", "size": 1.5, "tags": ["x"], "place": {"city": "Bonn", "no": 3}, "at": "2026-01-01T10:00:00"},
    {"id": 2, "Kind": "b", "size": None, "tags": [], "place": None, "at": "2026-01-02T10:00:00"},
]
HOSTILE = 'it\'s,"say ""hi""","{{ 7 * 7 }}","\'); import os #",back\\slash\n1,a,b,c,2026-01-01\n'
CONFTEST = """
import pytest

from lakehouse.engine.session import Connection
from lakehouse.workspace import current_workspace


@pytest.fixture(scope="session")
def spark():
    with Connection(current_workspace()) as connection:
        yield connection.session()
"""


@pytest.fixture(scope="module")
def names(fresh: Any) -> dict[str, str]:
    layers = {"csv": "silver", "json": "bronze", "parquet": "bronze", "columns": "bronze", "reads": "silver"}
    layers |= {"all": "silver", "hostile": "bronze"}
    return {kind: fresh(layer) for kind, layer in layers.items()}


@pytest.fixture(scope="module")
def project(workspace: Workspace, names: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Project:
    import pyarrow as pa
    import pyarrow.parquet as pq

    folder = tmp_path_factory.mktemp("project")
    samples = tmp_path_factory.mktemp("samples")
    project = Project(folder, workspace.home)
    (samples / "orders.csv").write_text(CSV)
    # The reference project's own settings: line length, rules.
    (folder / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text())
    (folder / "landing" / "things").mkdir(parents=True)
    (folder / "landing" / "things" / "a.jsonl").write_text("\n".join(map(json.dumps, JSON)))
    columns = {"Id": pa.array([1, 2]), "price": pa.array([Decimal("1.50"), None], pa.decimal128(10, 2))}
    pq.write_table(pa.table(columns), samples / "prices.parquet")
    project.new(names["csv"], "--like", samples / "orders.csv", "--land", "--key", "order_id")
    project.new(names["json"], "--like", folder / "landing" / "things" / "a.jsonl", "--key", "id")
    project.new(names["parquet"], "--like", samples / "prices.parquet", "--land")
    hostile = folder / "landing" / 'o\'re "7"' / "a.csv"
    hostile.parent.mkdir()
    hostile.write_text(HOSTILE)
    project.new(names["hostile"], "--like", hostile)
    project.new(names["columns"], "--columns", "id bigint not null 'Number', amount decimal(10, 2), at timestamp")
    project.new(names["reads"], "--columns", "id bigint not null, amount double", "--reads", names["columns"])
    project.new(names["all"], "--reads", names["columns"], "--key", "id")
    entity = names["columns"].partition(".")[2]
    (folder / "landing" / entity).mkdir()
    lines = [f'{{"id": {number}, "amount": "2.50"}}' for number in range(19)]
    (folder / "landing" / entity / "a.jsonl").write_text("\n".join([*lines, '{"id": "x"}']))
    return project


@pytest.mark.slow
def test_the_tables_run_at_once_and_only_once(project: Project, names: dict[str, str], spark: Any):
    first, again = project.materialize(), project.materialize()

    assert {kind: first[name] for kind, name in names.items()} == {
        "csv": ["2", "2", "0", "False"],
        "json": ["2", "2", "0", "False"],
        "parquet": ["2", "2", "0", "False"],
        "columns": ["20", "19", "1", "False"],
        "reads": ["19", "19", "0", "False"],
        "all": ["19", "19", "0", "False"],
        "hostile": ["1", "1", "0", "False"],
    }
    assert {values[-1] for values in again.values()} == {"True"}
    orders = spark.table(names["csv"]).orderBy("order_id").drop("_batch_id", "_ingested_at")
    rows = [row.asDict() for row in orders.withColumn("placed_at", orders["placed_at"].cast("string")).collect()]
    assert rows[0] == {
        "order_id": "o1",
        "zip": "00123",
        "total_eur": 1.5,
        "is_paid": True,
        "placed_at": "2026-01-01 10:00:00",
        "day": date(2026, 1, 1),
        "status": "new",
        "note": "a; b",
        "_unreadable": None,
        "_source_file": f"landing/{names['csv'].partition('.')[2]}/orders.csv",
        "_source_row": 2,
    }
    assert (rows[1]["note"], rows[1]["_source_row"]) == (None, 3)
    things = spark.table(names["json"]).orderBy("id").collect()
    assert [(row["kind"], row["size"], row["tags"], row["place"]) for row in things] == [
        ("a", 1.5, ["x"], things[0]["place"]),
        ("b", None, [], None),
    ]
    assert things[0]["place"].asDict() == {"city": "Bonn", "no": 3}
    prices = spark.table(names["parquet"]).orderBy("id").select("id", "price", "_source_row").collect()
    assert [tuple(row) for row in prices] == [(1, Decimal("1.50"), 1), (2, None, 2)]
    assert {tuple(row) for row in spark.table(names["reads"]).collect()} == {(n, 2.5) for n in range(19)}
    assert spark.table(names["all"]).dtypes == [
        (name, type_) for name, type_ in spark.table(names["columns"]).dtypes if name != "_unreadable"
    ]
    assert [row[0] for row in spark.table(names["hostile"]).select("_source_file").collect()] == [
        'landing/o\'re "7"/a.csv'
    ]
    waiting = spark.table(quarantine_of(names["columns"])).collect()
    assert [list(json.loads(row["_unreadable"])) for row in waiting] == [["id"]]


def test_a_new_file_is_read_alone(project: Project, names: dict[str, str], spark: Any):
    import pyarrow as pa
    import pyarrow.parquet as pq

    project.materialize(names["parquet"])
    folder = project.folder / "landing" / names["parquet"].partition(".")[2]
    pq.write_table(
        pa.table({"Id": pa.array([3]), "price": pa.array([None], pa.decimal128(10, 2))}), folder / "b+c.parquet"
    )

    assert project.materialize(names["parquet"])[names["parquet"]] == ["1", "1", "0", "False"]
    files = spark.table(names["parquet"]).where("id = 3").select("_source_file").collect()
    assert [row[0] for row in files] == [f"landing/{folder.name}/b+c.parquet"]


def test_the_generated_tests_pass(project: Project):
    (project.folder / "tests" / "conftest.py").write_text(CONFTEST)

    shown = project.run(
        BIN / "pytest", "-q", "-c", os.devnull, "--rootdir", project.folder, "--import-mode=importlib",
        "-p", "no:cacheprovider", "tests",
    )  # fmt: skip

    assert "11 passed" in shown


@pytest.mark.slow
def test_the_generated_files_are_in_the_style_of_the_house(project: Project):
    style = ("--config", ROOT / "pyproject.toml", "--no-cache")

    project.run(BIN / "ruff", "format", "--check", *style, "assets", "tests/assets")
    project.run(BIN / "ruff", "check", *style, "assets", "tests/assets")
    project.run(BIN / "mypy", "--config-file", ROOT / "pyproject.toml", "--cache-dir", os.devnull, "assets")


def test_two_rows_support_no_guess_but_the_key(project: Project, names: dict[str, str]):
    layer, entity = names["csv"].split(".")
    suite = json.loads((project.folder / "expectations" / layer / f"{entity}.json").read_text())

    rules = [(rule["type"], rule["kwargs"].get("column"), rule["severity"]) for rule in suite["expectations"]]

    assert rules == [
        ("expect_column_values_to_be_null", "_unreadable", "critical"),
        ("expect_column_values_to_be_unique", "order_id", "warning"),
    ]


def test_a_sample_from_elsewhere_is_copied_only_if_asked(project: Project, fresh: Any, tmp_path: Path):
    (tmp_path / "more.csv").write_text("id\n1\n")
    name = fresh("bronze")
    folder = project.folder / "landing" / name.partition(".")[2]

    command = [BIN / "lakehouse", "new", "table", name, "--like", tmp_path / "more.csv"]
    done = subprocess.run(
        list(map(str, command)), cwd=project.folder, env=project.environment, capture_output=True, text=True, check=True
    )

    assert done.stderr.replace("\n", " ").strip() == (
        f"{tmp_path}/more.csv gave the columns and was not copied. "
        f"Put files of its kind into landing/{folder.name}/, or copy it there by `--land`."
    )
    assert not folder.exists()
    landed = project.new(fresh("bronze"), "--like", tmp_path / "more.csv", "--land")
    assert [line for line in landed if line.startswith("landing/")] == [landed[-1]]
    assert (project.folder / landed[-1]).read_text() == "id\n1\n"


def test_a_column_that_the_parent_lacks_is_refused_with_the_near_miss(
    project: Project, names: dict[str, str], fresh: Any
):
    name = fresh("silver")
    command = [BIN / "lakehouse", "new", "table", name, "--reads", names["columns"], "--columns", "amonut double"]
    shown = {"cwd": project.folder, "env": project.environment, "capture_output": True, "text": True}
    done = subprocess.run(list(map(str, command)), **shown, check=False)

    assert done.returncode == 1
    assert f"{name}: `amonut` is no column of {names['columns']} (did you mean `amount`?)" in done.stderr
    assert not (project.folder / "assets" / f"{name.replace('.', '/')}.py").exists()


def test_what_cannot_be_is_refused_and_nothing_is_written(project: Project):
    before = sorted(project.folder.rglob("*"))

    def refused(*arguments: Any) -> str:
        command = [BIN / "lakehouse", "new", "table", *map(str, arguments)]
        done = subprocess.run(
            command, cwd=project.folder, env=project.environment, capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stdout) == (1, "")
        return done.stderr.strip()

    columns = ("--columns", "id bigint")
    assert refused("sliver.orders", *columns) == (
        "table `sliver.orders`: expected <layer>.<entities> with a layer of bronze, silver, gold, ml "
        "(did you mean `silver.orders`?)"
    )
    for entity in ("../orders", "class", "Orders", "a.b", ""):
        assert f"table `silver.{entity}`: `{entity}` cannot be a table and a Python module." in refused(
            f"silver.{entity}", *columns
        )
    assert "column `id`: type `bigin`: did you mean `bigint`?" in refused("silver.orders", "--columns", "id bigin")
    assert refused("silver.orders", *columns, "--key", "ids") == (
        "silver.orders: key `ids` is no column of it (did you mean `id`?)"
    )
    assert refused("silver.orders") == (
        "silver.orders: give `--columns`, `--like` with a sample file, or `--reads` with a table."
    )
    (project.folder / "expectations" / "silver" / "orders.json").write_text("{}")
    assert refused("silver.orders", *columns) == (
        "silver.orders was not made: what is there already is not written over.\n  expectations/silver/orders.json"
    )
    (project.folder / "expectations" / "silver" / "orders.json").unlink()
    assert sorted(project.folder.rglob("*")) == before


@pytest.mark.parametrize(
    ("name", "body", "said"),
    [
        ("a.csv", "id,secret\n1,2,hidden\n", "cannot be read as CSV with a header, in UTF-8."),
        ("a.jsonl", '[{"id": 1}]', "cannot be read as JSON with one object per line, in UTF-8."),
        ("a.jsonl", '{"id": hidden}\n', "cannot be read as JSON with one object per line, in UTF-8."),
        ("a.parquet", "hidden", "cannot be read as Parquet, in UTF-8."),
        ("a.csv", "id\n", "has no rows to learn from. Give a sample with rows, or `--columns`."),
        ("a.csv", "Id,ID\n1,2\n", ": 'Id' and 'ID' would both be the column `id`. Rename one in the file."),
        ("a.xlsx", "", "is of no format that can be read."),
    ],
)
def test_a_sample_that_cannot_be_read_is_refused_without_its_values(tmp_path: Path, name: str, body: str, said: str):
    (tmp_path / name).write_text(body)

    with pytest.raises(LakehouseError) as raised:
        read_sample(tmp_path / name)

    assert said in str(raised.value)
    assert "hidden" not in str(raised.value)


def test_columns_are_read_as_ddl_writes_them():
    columns = parse_columns(
        "id STRING NOT NULL, total Decimal(10, 2) comment 'In EUR', m map<string,int>, s string 'x' not null"
    )

    assert [(column.name, column.type, column.comment, column.nullable) for column in columns] == [
        ("id", "string", "Id", False),
        ("total", "decimal(10,2)", "In EUR", True),
        ("m", "map<string,int>", "M", True),
        ("s", "string", "x", False),
    ]


@pytest.mark.parametrize(
    ("given", "name"), [("Order ID", "order_id"), ("placedAt", "placed_at"), ("1st", "n_1st"), ("ÄB", "b")]
)
def test_names_become_names_of_columns(given: str, name: str):
    assert snake(given) == name


def test_values_that_come_again_are_a_set(tmp_path: Path):
    (tmp_path / "a.csv").write_text("state,n\n" + "".join(f"{'on' if n % 2 else 'off'},{n}\n" for n in range(40)))

    state, number = read_sample(tmp_path / "a.csv").columns

    assert (state.values, state.is_unique) == (("off", "on"), False)
    assert (number.values, number.low, number.high, number.is_unique) == ((), None, None, True)
