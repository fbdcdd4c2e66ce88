"""A new dbt model builds at once: its files are made in an empty project, and dbt builds and tests them."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from lakehouse.dagster.dbt_process import target_of
from lakehouse.declare.column import Column
from lakehouse.declare.table import Table
from lakehouse.errors import LakehouseError
from lakehouse.scaffold.dbt_parent import dbt_parent
from lakehouse.scaffold.sources_file import with_source
from lakehouse.workspace import Workspace
from tests.library.scaffold.own_project import BIN, ROOT, Project

SOURCES = """# The tables that the door writes.
version: 2

sources:
  - name: silver   # one row per key
    schema: silver
    tables:
      # The oldest one.
      - name: 'others'
        columns:
          - {name: id, data_type: bigint}
"""
THINGS = Table(
    "silver.things",
    columns=(Column("id", "bigint", "Its: number"), Column("on", "boolean", "yes")),
    grain="one row per thing",
)


@pytest.fixture(scope="module")
def project(workspace: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = Project(tmp_path_factory.mktemp("project"), workspace.home)
    dbt = project.folder / "dbt_project"
    for name in ("macros", "profiles.yml", "dbt_project.yml"):
        place = ROOT / "dbt_project" / name
        (shutil.copytree if place.is_dir() else shutil.copy)(place, (dbt.mkdir(exist_ok=True), dbt / name)[1])
    return project


def test_a_new_model_builds_and_passes_its_tests(workspace: Workspace, project: Project, fresh: Any, spark: Any):
    parent, model = fresh("silver"), fresh("gold")
    entity = parent.partition(".")[2]
    columns = "id bigint not null 'Its {{ number }}', at timestamp, amount decimal(10,2) 'a: b', on boolean"
    columns += ", tags array<string>"
    project.new(parent, "--columns", columns, "--key", "id")
    landing = project.folder / "landing" / entity
    landing.mkdir(parents=True)
    lines = [{"id": number, "amount": "2.50", "on": True, "tags": ["x"]} for number in range(3)]
    (landing / "a.jsonl").write_text("\n".join(map(json.dumps, lines)))
    project.materialize()

    made = project.run(BIN / "lakehouse", "new", "model", model, "--reads", parent, "--columns", "id,at,amount,on,tags")
    second = fresh("gold")
    project.run(BIN / "lakehouse", "new", "model", second, "--reads", model, "--columns", "id,amount")
    project.run(BIN / "lakehouse", "dbt", "build")

    gold = model.partition(".")[2]
    models = "dbt_project/models"
    assert made.splitlines() == [
        f"{models}/gold/{gold}.sql",
        f"{models}/gold/{gold}.yml",
        f"{models}/silver/sources.yml",
    ]
    assert dict(spark.table(model).dtypes) == {
        "id": "bigint",
        "at": "timestamp",
        "amount": "decimal(10,2)",
        "on": "boolean",
        "tags": "array<string>",
    }
    assert spark.table(model).count() == spark.table(second).count() == 3
    assert dict(spark.table(second).dtypes) == {"id": "bigint", "amount": "decimal(10,2)"}
    assert f"from {{{{ ref('{gold}') }}}}" in (project.folder / models / f"{second.replace('.', '/')}.sql").read_text()
    results = json.loads((target_of(workspace, project.folder / "dbt_project") / "run_results.json").read_text())
    statuses = {result["unique_id"].split(".")[0]: result["status"] for result in results["results"]}
    assert statuses == {"model": "success", "test": "pass", "unit_test": "pass"}


def test_what_cannot_be_is_refused_and_nothing_is_written(project: Project, fresh: Any):
    parent = fresh("silver")
    project.new(parent, "--columns", "id bigint, name string")

    def refused(*arguments: Any) -> str:
        command = [BIN / "lakehouse", "new", "model", *map(str, arguments)]
        done = subprocess.run(
            command, cwd=project.folder, env=project.environment, capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stdout) == (1, "")
        return done.stderr.strip()

    before = {path: path.stat().st_mtime_ns for path in project.folder.rglob("*.*ml")}
    assert "dbt makes the gold layer. Call it `gold.x`" in refused("silver.x", "--reads", parent)
    assert f"gold.x: `nane` is no column of {parent} (did you mean `name`?)" in refused(
        "gold.x", "--reads", parent, "--columns", "id,nane"
    )
    assert f"{parent}x is not declared in assets/ (did you mean `{parent}`?)" in refused(
        "gold.x", "--reads", f"{parent}x"
    )
    assert "No model in dbt_project/ makes it either" in refused("gold.x", "--reads", "gold.nothing")
    assert "gold.x: key `idd` is no column of it (did you mean `id`?)" in refused(
        "gold.x", "--reads", parent, "--key", "idd"
    )
    assert {path: path.stat().st_mtime_ns for path in project.folder.rglob("*.*ml")} == before
    assert not (project.folder / "dbt_project" / "models" / "gold" / "x.sql").exists()


def manifest(**columns: dict[str, Any]) -> dict[str, Any]:
    """Of one model, as dbt writes it."""
    described = {name: {"name": name, "constraints": [], **properties} for name, properties in columns.items()}
    node = {"resource_type": "model", "schema": "gold", "alias": "days", "name": "all_days", "columns": described}
    place = {"original_file_path": "models/gold/all_days.sql", "description": "One row per day. Of all shops."}
    tests = {
        f"test.{kind}": {
            "resource_type": "test",
            "attached_node": "model.all_days",
            "column_name": "day",
            "test_metadata": {"name": kind},
        }
        for kind in ("unique", "not_null")
    }
    return {"nodes": {"model.all_days": {**node, **place}, **tests}}


def test_a_model_of_dbt_is_read_as_its_properties_describe_it():
    day, total = {"data_type": "DATE", "description": "Of the sale"}, {"data_type": "bigint"}

    parent, ref = dbt_parent(
        manifest(day=day, total={**total, "constraints": [{"type": "not_null"}]}), "model.all_days"
    )

    assert (parent.name, parent.grain, parent.key, ref) == ("gold.days", "one row per day", ("day",), "all_days")
    assert parent.columns == (
        Column("day", "date", "Of the sale", nullable=False),
        Column("total", "bigint", "Total", nullable=False),
    )


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({}, "Give it its columns, each with a `data_type` in the yml beside models/gold/all_days.sql"),
        ({"day": {"data_type": "date"}, "total": {"data_type": None}}, "Give it a `data_type` for total in the yml"),
    ],
)
def test_a_model_of_dbt_that_is_not_described_is_an_error_that_says_so(columns: dict[str, Any], expected: str):
    with pytest.raises(LakehouseError, match=re.escape(expected)):
        dbt_parent(manifest(**columns), "model.all_days")


def test_a_source_is_added_and_comments_and_order_stay(tmp_path: Path):
    file = tmp_path / "silver" / "sources.yml"
    file.parent.mkdir()
    file.write_text(SOURCES)

    path, text = with_source(tmp_path, THINGS, THINGS.columns)

    assert path == file
    assert text is not None
    assert text.startswith(SOURCES)
    [source] = yaml.safe_load(text)["sources"]
    assert [table["name"] for table in source["tables"]] == ["others", "things"]
    assert source["tables"][1] == {
        "name": "things",
        "description": "One row per thing",
        "meta": {"dagster": {"asset_key": ["silver", "things"]}},
        "columns": [
            {"name": "id", "data_type": "bigint", "description": "Its: number"},
            {"name": "on", "data_type": "boolean", "description": "yes"},
        ],
    }


def test_a_source_that_is_named_already_is_left_alone(tmp_path: Path):
    (tmp_path / "sources.yml").write_text(SOURCES.replace("others", "things"))

    assert with_source(tmp_path, THINGS, THINGS.columns) == (tmp_path / "sources.yml", None)


def test_a_layer_without_sources_gets_a_file(tmp_path: Path):
    path, text = with_source(tmp_path, THINGS, THINGS.columns)

    assert path == tmp_path / "silver" / "sources.yml"
    content = yaml.safe_load(text or "")
    assert (content["version"], content["sources"][0]["schema"]) == (2, "silver")
    assert [table["name"] for table in content["sources"][0]["tables"]] == ["things"]
