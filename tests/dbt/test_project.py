"""What dbt's own manifest says of the project: each model is a documented, tested table, and matches its neighbours."""

from pathlib import Path
from typing import Any

import pytest

from assets.attributes import FEATURE_COLUMNS, LABEL_COLUMN
from assets.silver.patients import SILVER_PATIENTS
from assets.silver.readings import SILVER_READINGS
from lakehouse.dagster.dbt_process import manifest_of, project_digest
from lakehouse.workspace import current_workspace

FOLDER = Path(__file__).parents[2] / "dbt_project"
MODELS = sorted(path.stem for path in (FOLDER / "models").rglob("*.sql"))


@pytest.fixture(scope="module")
def manifest() -> dict[str, Any]:
    return manifest_of(current_workspace(), FOLDER)


@pytest.fixture(params=MODELS)
def model(manifest: dict[str, Any], request: pytest.FixtureRequest) -> dict[str, Any]:
    return dict(manifest["nodes"][f"model.lakehouse.{request.param}"])


def test_a_model_is_a_delta_table_of_its_layer(model: dict[str, Any]) -> None:
    assert (model["config"]["materialized"], model["config"]["file_format"]) == ("table", "delta")
    assert model["schema"] == Path(model["path"]).parts[0]
    assert model["config"]["meta"]["dagster"]["asset_key"] == [model["schema"], model["alias"]]


def test_a_model_has_its_yml_beside_it_and_begins_with_its_grain(model: dict[str, Any]) -> None:
    assert model["patch_path"].partition("://")[2] == str(Path("models", model["path"]).with_suffix(".yml"))
    assert model["description"].splitlines()[0].startswith("One row per ")


def test_each_column_has_a_description_and_a_type_that_dbt_enforces(model: dict[str, Any]) -> None:
    assert model["columns"]
    assert model["config"]["contract"]["enforced"] is True
    assert all(column["description"] and column["data_type"] for column in model["columns"].values())


def test_a_model_has_a_key_and_a_unit_test(manifest: dict[str, Any], model: dict[str, Any]) -> None:
    tests = [
        (node["column_name"], node["test_metadata"]["name"])
        for node in manifest["nodes"].values()
        if node["resource_type"] == "test" and node["attached_node"] == model["unique_id"]
    ]
    keys = {column for column, name in tests if name == "unique"}

    assert keys & {column for column, name in tests if name == "not_null"}
    assert any(model["unique_id"] in test["depends_on"]["nodes"] for test in manifest["unit_tests"].values())


@pytest.mark.parametrize(("name", "label"), [("patient_features", (LABEL_COLUMN,)), ("wearer_latest", ())])
def test_the_features_are_those_of_the_model_in_its_order(
    manifest: dict[str, Any], name: str, label: tuple[str, ...]
) -> None:
    columns = list(manifest["nodes"][f"model.lakehouse.{name}"]["columns"])

    assert [column for column in columns if column in (*FEATURE_COLUMNS, LABEL_COLUMN)] == [*FEATURE_COLUMNS, *label]


@pytest.mark.parametrize("table", [SILVER_PATIENTS, SILVER_READINGS], ids=lambda table: table.name)
def test_a_source_is_declared_as_silver_declares_it(manifest: dict[str, Any], table: Any) -> None:
    source = manifest["sources"][f"source.lakehouse.{table.name}"]

    assert source["meta"]["dagster"]["asset_key"] == [table.layer, table.entity]
    assert {name: column["data_type"] for name, column in source["columns"].items()} == {
        column.name: column.type for column in table.columns if not column.name.startswith("_")
    }


def test_the_digest_follows_the_sources_alone(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "target").mkdir()
    (tmp_path / "models" / "a.sql").write_text("select 1")
    before = project_digest(tmp_path)

    (tmp_path / "target" / "a.sql").write_text("select 1")
    assert project_digest(tmp_path) == before

    (tmp_path / "models" / "a.sql").write_text("select 2")
    assert project_digest(tmp_path) != before
