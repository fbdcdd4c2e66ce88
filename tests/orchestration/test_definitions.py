"""The graph as `dagster dev` finds it. Needs no server: dbt parses its project without one."""

import tomllib
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import dagster as dg
import pytest

import assets
from assets.simulation.simulate import simulate, write
from lakehouse.dagster.discover import assets_of
from tests.conftest import ROOT


class Node(NamedTuple):
    """An asset as the graph shows it."""

    group: str
    reads: set[str]
    checks: int


GRAPH = {
    "bronze.patients": Node("bronze", set(), checks=6),
    "bronze.readings": Node("bronze", set(), checks=5),
    "silver.patients": Node("silver", {"bronze.patients"}, checks=21),
    "silver.readings": Node("silver", {"bronze.readings"}, checks=22),
    "gold.patient_features": Node("gold", {"silver.patients"}, checks=37),
    "gold.wearer_latest": Node("gold", {"silver.readings"}, checks=34),
    "gold.wearer_days": Node("gold", {"silver.readings"}, checks=3),
    "ml.heart": Node("ml", {"gold.patient_features"}, checks=0),
    "ml.wearer_features": Node("ml", {"gold.wearer_latest"}, checks=0),
    "ml.wearer_scores": Node("ml", {"gold.wearer_latest", "ml.heart"}, checks=11),
}


@pytest.fixture(scope="module")
def defs() -> dg.Definitions:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAKEHOUSE_PROJECT", str(ROOT))
        from orchestration.definitions import defs

        return defs


def name_of(key: dg.AssetKey) -> str:
    return ".".join(key.path)


def test_the_file_is_short_and_named_in_pyproject():
    named = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["dagster"]["module_name"]

    assert named == "orchestration.definitions"
    assert (ROOT / "orchestration/definitions.py").read_text().count("\n") < 50


def test_the_graph_is_this_one(defs: dg.Definitions):
    graph = defs.resolve_asset_graph()
    checks = [name_of(key.asset_key) for key in graph.asset_check_keys]

    assert {
        name_of(key): Node(
            str(graph.get(key).group_name), set(map(name_of, graph.get(key).parent_keys)), checks.count(name_of(key))
        )
        for key in graph.get_all_asset_keys()
    } == GRAPH


def test_every_asset_of_the_project_is_in_the_graph_and_can_be_materialised(defs: dg.Definitions):
    graph = defs.resolve_asset_graph()
    models = {f"gold.{path.stem}" for path in (ROOT / "dbt_project/models/gold").glob("*.sql")}

    materialisable = {name_of(key) for key in graph.materializable_asset_keys}

    assert materialisable == set(assets_of(assets)) | models


def test_a_table_shows_its_columns_with_types_and_descriptions(defs: dg.Definitions):
    graph = defs.resolve_asset_graph()
    for key in graph.get_all_asset_keys():
        shown = graph.get(key).metadata.get("dagster/column_schema")
        if key.path[0] in ("bronze", "silver", "gold") or key.path[-1] == "wearer_scores":
            assert shown, key
            assert [column.name for column in shown.columns if not column.description or column.type == "?"] == []


def test_what_stops_those_who_read_gold(defs: dg.Definitions):
    """dbt writes gold; its audit comes after it, as checks that block."""
    blocking = {
        name_of(key.asset_key)
        for key in defs.resolve_asset_graph().asset_check_keys
        if defs.resolve_asset_graph().get_check_spec(key).blocking
    }

    assert blocking == {"gold.patient_features", "gold.wearer_latest", "gold.wearer_days"}


def test_the_whole_chain_is_one_job_in_one_process(defs: dg.Definitions):
    graph = defs.resolve_asset_graph()
    job = defs.resolve_job_def("chain")

    assert job.executor_def is dg.in_process_executor
    assert defs.resolve_implicit_global_asset_job_def().executor_def is dg.in_process_executor
    assert job.asset_layer.executable_asset_keys == graph.materializable_asset_keys
    assert job.asset_layer.asset_graph.asset_check_keys == graph.asset_check_keys


def test_it_runs_every_day(defs: dg.Definitions):
    daily = defs.resolve_schedule_def("daily")

    assert (daily.job_name, daily.cron_schedule, daily.execution_timezone) == ("chain", "0 3 * * *", "UTC")


@pytest.fixture
def landing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty landing folder, in a project of the test's own."""
    for name in ("data", "expectations", "dbt_project"):
        (tmp_path / name).symlink_to(ROOT / name)
    monkeypatch.setenv("LAKEHOUSE_PROJECT", str(tmp_path))
    return tmp_path / "landing" / "readings"


def asked(defs: dg.Definitions, cursor: str | None) -> tuple[list[str], str | None]:
    """The run keys that the sensor asks for, and its cursor afterwards."""
    sensor = defs.resolve_sensor_def("new_files")
    with dg.DagsterInstance.ephemeral() as instance:
        context = dg.build_sensor_context(instance=instance, cursor=cursor, definitions=defs)
        tick: Any = sensor.evaluate_tick(context)
    return [request.run_key for request in tick.run_requests or ()], tick.cursor


def test_a_new_landing_file_asks_for_one_run(defs: dg.Definitions, landing: Path):
    sensor = defs.resolve_sensor_def("new_files")
    write(simulate(100, 7), landing)

    first, cursor = asked(defs, None)
    nothing, same = asked(defs, cursor)
    (landing / "readings-2031-01-01T00.jsonl").write_text("{}\n")
    second, after = asked(defs, same)

    assert sensor.job_name == "chain"
    assert timedelta(seconds=sensor.minimum_interval_seconds) <= timedelta(minutes=1)
    assert (len(first), nothing, len(second)) == (1, [], 1)
    assert first != second
    assert len({cursor, after}) == 2
    assert same == cursor
