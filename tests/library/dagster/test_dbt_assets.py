"""The models of dbt in Dagster: in the order of their graph, made again only if something is new for them."""

import os
import subprocess
import sys
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakehouse.dagster.dbt_assets import DbtProject
from lakehouse.dagster.dbt_digests import digests_of
from lakehouse.dagster.dbt_models import models_of, refuse_views
from lakehouse.dagster.dbt_specs import asset_spec, check_specs
from lakehouse.declare.column import Column
from lakehouse.declare.table import Table
from lakehouse.engine.session import CONNECTION
from lakehouse.errors import LakehouseError
from lakehouse.scaffold.project.new_project import new_project
from lakehouse.workspace import Workspace
from tests.library.door import Door


def node(name: str, *parents: str, materialized: str = "table", kind: str = "model") -> dict[str, Any]:
    return {
        "resource_type": kind,
        "schema": "gold",
        "alias": name,
        "name": name,
        "package_name": "shop",
        "original_file_path": f"models/gold/{name}.sql",
        "patch_path": "shop://models/gold/shop.yml",
        "raw_code": f"select '{name}'",
        "fqn": ["shop", "gold", name],
        "config": {"materialized": materialized},
        "depends_on": {"nodes": list(parents), "macros": []},
    }


@st.composite
def manifests(draw: st.DrawFn) -> dict[str, Any]:
    """Models that read each other and a source, in an order of names that says nothing of the graph."""
    names = draw(st.permutations([f"m{number}" for number in range(8)]))
    nodes = {}
    for place, name in enumerate(names):
        before = [f"model.shop.{parent}" for parent in names[:place]]
        parents = draw(st.lists(st.sampled_from(before), unique=True)) if before else []
        sources = draw(st.lists(st.sampled_from(["source.shop.a", "source.shop.b"]), unique=True))
        kind = draw(st.sampled_from(["table", "incremental", "ephemeral"]))
        nodes[f"model.shop.{name}"] = node(name, *parents, *sources, materialized=kind)
    source = {"resource_type": "source", "schema": "silver", "original_file_path": "models/gold/shop.yml"}
    sources = {f"source.shop.{name}": {**source, "identifier": name} for name in "ab"}
    return {"metadata": {"project_name": "shop"}, "nodes": dict(sorted(nodes.items())), "sources": sources}


@given(manifest=manifests())
def test_no_model_comes_before_one_that_it_reads(manifest: dict[str, Any]):
    models = models_of(manifest)
    order = [model.table for model in models]

    stored = {name for name, one in manifest["nodes"].items() if one["config"]["materialized"] != "ephemeral"}
    assert {model.unique_id for model in models} == stored
    for model in models:
        assert all(order.index(parent) < order.index(model.table) for parent in model.parents)


def readers_of(manifest: dict[str, Any], name: str) -> set[str]:
    """A node if it is stored; if not, the stored ones that it becomes part of."""
    if manifest["nodes"][name]["config"]["materialized"] != "ephemeral":
        return {name}
    readers = [other for other, one in manifest["nodes"].items() if name in one["depends_on"]["nodes"]]
    return {stored for reader in readers for stored in readers_of(manifest, reader)}


@given(manifest=manifests(), data=st.data())
def test_no_model_is_stale_for_the_code_of_another(manifest: dict[str, Any], data: st.DataObject):
    models, nowhere = models_of(manifest), Path(__file__).with_suffix("")
    before = digests_of(manifest, models, nowhere)
    changed = data.draw(st.sampled_from(list(manifest["nodes"])))
    manifest["nodes"][changed][data.draw(st.sampled_from(["raw_code", "alias", "description"]))] = "another"

    after = digests_of(manifest, models, nowhere)

    assert before.keys() == after.keys() == {model.unique_id for model in models}
    assert {name for name in before if before[name] != after[name]} == readers_of(manifest, changed)


def part(kind: str, **fields: Any) -> dict[str, Any]:
    return {"resource_type": kind, "package_name": "shop", "depends_on": {"nodes": [], "macros": []}, **fields}


def test_a_model_is_stale_for_its_tests_its_seed_and_the_files_of_all(tmp_path: Path):
    """One change after the other, and the models that it makes stale."""
    folder = tmp_path / "dbt_project"
    (folder / "models/gold").mkdir(parents=True)
    (folder / "seeds").mkdir()
    one, two, seed = node("one"), node("two"), node("few", kind="seed") | {"original_file_path": "seeds/few.csv"}
    seed["depends_on"] = {"macros": []}
    test = part(
        "test", name="t", attached_node="model.shop.two", original_file_path="models/gold/shop.yml", raw_code="t"
    )
    unit = part("unit_test", original_file_path="models/gold/shop.yml", given=[1])
    unit["depends_on"] = {"nodes": ["model.shop.one"]}
    manifest = {
        "metadata": {"project_name": "shop"},
        "nodes": {"model.shop.one": one, "model.shop.two": two, "seed.shop.few": seed, "test.shop.t": test},
        "unit_tests": {"unit_test.shop.u": unit},
        "disabled": {"model.shop.off": [node("off")]},
        "sources": {},
    }
    files = ["models/gold/shop.yml", "models/gold/one.sql", "models/gold/off.sql", "seeds/few.csv", "dbt_project.yml"]
    for name in files:
        (folder / name).write_text("before")
    changes = {
        "test": ("two", lambda: test.update(raw_code="another")),
        "unit test": ("one", lambda: unit.update(given=[2])),
        "seed": ("few", lambda: (folder / "seeds/few.csv").write_text("another")),
        "a comment": ("", lambda: (folder / "models/gold/shop.yml").write_text("another")),
        "disabled": ("", lambda: (folder / "models/gold/off.sql").write_text("another")),
        "parsed again": ("", lambda: [entry.update(created_at=1.0) for entry in (one, two, seed, test)]),
        "built": ("", lambda: [entry.update(compiled=True, extra_ctes=[{"id": "x"}]) for entry in (one, two, test)]),
        "macros of a build": ("", lambda: [entry["depends_on"].update(macros=["m"]) for entry in (one, seed, test)]),
        "project": ("one two few", lambda: (folder / "dbt_project.yml").write_text("another")),
        "a new file": ("one two few", lambda: (folder / "macros.sql").write_text("another")),
    }
    for what, (stale, change) in changes.items():
        before = digests_of(manifest, models_of(manifest), folder)
        change()
        after = digests_of(manifest, models_of(manifest), folder)
        assert {name.split(".")[-1] for name in before if before[name] != after[name]} == set(stale.split()), what


def test_a_model_is_described_grouped_owned_and_tagged_as_its_properties_say(tmp_path: Path):
    one, two = node("one", "source.shop.a"), node("two", "model.shop.one")
    one |= {
        "meta": {"dagster": {"group": "care", "owners": ["a@b.org"]}},
        "description": "All of it.",
        "tags": ["x", "no tag!"],
    }
    one["columns"] = {"id": {"data_type": "int", "description": "Key"}, "other": {}}
    two["config"]["group"] = "dbts_own"
    manifest = {
        "metadata": {"project_name": "shop", "adapter_type": "spark"},
        "nodes": {"model.shop.one": one, "model.shop.two": two | {"columns": {}}},
        "sources": {"source.shop.a": {"resource_type": "source", "schema": "silver", "identifier": "a"}},
    }

    first, second = (asset_spec(manifest, model, "digest") for model in models_of(manifest))

    assert (first.key.path, [dep.asset_key.path for dep in first.deps]) == (["gold", "one"], [["silver", "a"]])
    assert (first.group_name, first.owners, first.kinds) == ("care", ["a@b.org"], {"dbt", "spark"})
    assert (first.tags.get("x"), "no tag!" in first.tags, first.code_version) == ("", False, "digest")
    assert first.description == "All of it.\n\n#### Raw SQL:\n```sql\nselect 'one'\n```"
    columns = first.metadata["dagster/column_schema"].columns
    assert [(column.name, column.type, column.description) for column in columns] == [
        ("id", "int", "Key"),
        ("other", "?", None),
    ]
    assert (second.group_name, second.description.splitlines()[0]) == ("dbts_own", "dbt model two")
    assert [dep.asset_key.path for dep in second.deps] == [["gold", "one"]]


def test_a_test_comes_after_all_that_it_reads_and_blocks_unless_it_only_warns():
    reads = ["model.shop.one", "model.shop.two", "source.shop.a"]
    tests = {
        f"test.shop.{severity}": node(severity, *reads, kind="test")
        | {"attached_node": "model.shop.one", "config": {"severity": severity}, "meta": {"description": "Why."}}
        for severity in ("ERROR", "warn")
    }
    manifest = {
        "nodes": {"model.shop.one": node("one"), "model.shop.two": node("two"), **tests},
        "sources": {"source.shop.a": {"resource_type": "source", "schema": "silver", "identifier": "a"}},
    }

    one = next(model for model in models_of(manifest) if model.table == "gold.one")
    checks = {check.name: check for check in check_specs(manifest, one)}

    assert {name: check.blocking for name, check in checks.items()} == {"ERROR": True, "warn": False}
    for check in checks.values():
        assert (check.asset_key.path, check.description) == (["gold", "one"], "Why.")
        assert {dep.asset_key.to_user_string() for dep in check.additional_deps} == {"gold/two", "silver/a"}


def test_a_graph_is_loaded_without_dbt_and_whatever_else_is_slow_to_import(tmp_path: Path):
    """Each run that is launched loads the graph in a process of its own."""
    folder = new_project(tmp_path, "shop")
    given = {"LAKEHOUSE_HOME": str(tmp_path / "home"), "LAKEHOUSE_PROJECT": str(folder)}
    code = "import sys, orchestration.definitions as made; made.defs.get_repository_def(); print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=os.environ | given, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    assert "dagster" in done.stdout.split()
    slow = {"dbt", "dagster_dbt", "pyspark", "pandas", "great_expectations", "mlflow", "feast", "deltalake", "sklearn"}
    assert slow.isdisjoint(done.stdout.split())


def test_an_ephemeral_model_is_part_of_those_that_read_it():
    hidden = node("hidden", "source.shop.a", "model.shop.base", materialized="ephemeral")
    top = node("top", "model.shop.hidden")
    nodes = {"model.shop.hidden": hidden, "model.shop.base": node("base"), "model.shop.top": top}
    sources = {"source.shop.a": {"resource_type": "source", "schema": "silver", "identifier": "a"}}

    base, top = models_of({"nodes": nodes, "sources": sources})

    assert (base.table, base.parents, base.sources) == ("gold.base", (), ())
    assert (top.table, top.parents, top.sources) == ("gold.top", ("gold.base",), ("silver.a",))


@pytest.mark.parametrize("kind", ["view", "materialized_view"])
def test_a_view_is_refused_with_the_way_out(kind: str):
    nodes = {"model.shop.seen": node("seen", materialized=kind), "model.shop.kept": node("kept")}

    with pytest.raises(LakehouseError, match=rf"gold.seen \({kind}\).*expected a table.*Nothing was built.*`table`"):
        refuse_views(models_of({"nodes": nodes, "sources": {}}))


@dataclass(frozen=True)
class Shop:
    """A dbt project whose models have names of their own, and the door by which its sources are filled."""

    folder: Path
    door: Door
    mark: str

    def name(self, model: str) -> str:
        return f"{model}_{self.mark}"

    def model(self, name: str, sql: str) -> None:
        (self.folder / "dbt_project/models/gold" / f"{self.name(name)}.sql").write_text(self._named(sql))

    def properties(self, yml: str) -> None:
        (self.folder / "dbt_project/models/gold/shop.yml").write_text(self._named(yml))

    def _named(self, text: str) -> str:
        return text.replace("@", f"_{self.mark}")

    def source(self, name: str, *numbers: int) -> None:
        columns = (Column("id", "int", "Key"),)
        table = Table(f"silver.{self.name(name)}", columns=columns, grain="one row per number")
        self.door.write(table, self.door.rows(*((number,) for number in numbers), table=table))

    def run(self, *only: str) -> dg.ExecuteInProcessResult:
        definitions = DbtProject().definitions
        keys = [dg.AssetKey(["gold", self.name(name)]) for name in only]
        selection = dg.AssetSelection.assets(*keys) if keys else None
        return dg.materialize(
            definitions, resources={CONNECTION: self.door.connection}, selection=selection, raise_on_error=False
        )

    def unchanged(self, result: dg.ExecuteInProcessResult) -> Mapping[str, bool]:
        """Of each table whether it was left as it was, in the order in which Dagster was told."""
        assert result.success, [event.message for event in result.all_events if event.is_failure]
        events = [
            event.step_materialization_data.materialization for event in result.get_asset_materialization_events()
        ]
        return {
            event.asset_key.path[-1].replace(f"_{self.mark}", ""): event.metadata["unchanged"].value for event in events
        }


SOURCES = """
version: 2
sources:
  - name: silver
    tables:
      - name: here@
      - name: there@
      - name: nowhere@
models:
  - name: b@
    columns:
      - name: id
        data_tests: [not_null, {relationships: {arguments: {to: ref('a@'), field: id}, config: {severity: warn}}}]
  - name: old_and_new@
    latest_version: 2
    versions: [{v: 1}, {v: 2}]
"""


@pytest.fixture
def shop(workspace: Workspace, spark: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """`a` reads the ephemeral `d`, that `e`, and that `f`: by their names they come in the wrong order."""
    folder = new_project(tmp_path, "shop")
    monkeypatch.setenv("LAKEHOUSE_PROJECT", str(folder))
    shop = Shop(folder, Door(workspace, spark, folder), uuid.uuid4().hex[:8])
    shop.source("here", 1, 2)
    shop.source("there", 1, 2)
    shop.properties(SOURCES)
    shop.model("f", "select id from {{ source('silver', 'here@') }}")
    shop.model("e", "select id from {{ ref('f@') }}")
    shop.model("d", "{{ config(materialized='ephemeral') }} select id from {{ ref('e@') }}")
    shop.model("a", "select id from {{ ref('d@') }}")
    shop.model("b", "select id from {{ source('silver', 'there@') }}")
    for version in (1, 2):
        sql = f"select id, {version} as version from {{{{ source('silver', 'there@') }}}}"
        (folder / "dbt_project/models/gold" / f"old_and_new_{shop.mark}_v{version}.sql").write_text(shop._named(sql))
    tests = folder / "dbt_project/tests"
    tests.mkdir(exist_ok=True)
    both = "select * from {{ ref('a@') }} join {{ ref('b@') }} using (id) where id < 0"
    (tests / f"of_both_{shop.mark}.sql").write_text(shop._named(both))
    one = "{{ config(severity='warn') }} select * from {{ ref('b@') }} where id = 1"
    (tests / f"warns_{shop.mark}.sql").write_text(shop._named(one))
    return shop


@pytest.mark.slow
def test_models_that_read_each_other_are_built_in_order_and_again_only_for_what_they_read(shop: Shop):
    first = shop.unchanged(shop.run())
    order = list(first)
    assert sorted(order) == ["a", "b", "e", "f", "old_and_new_v1", "old_and_new_v2"]
    assert order.index("f") < order.index("e") < order.index("a")
    assert not any(first.values())

    assert all(shop.unchanged(shop.run()).values())

    shop.model("b", "select id, 'b' as word from {{ source('silver', 'there@') }}")
    again = shop.unchanged(shop.run())
    assert {name for name, is_unchanged in again.items() if not is_unchanged} == {"b"}
    assert all(shop.unchanged(shop.run()).values())

    shop.source("there", 3)
    again = shop.unchanged(shop.run())
    assert {name for name, is_unchanged in again.items() if is_unchanged} == {"f", "e", "a"}

    shop.source("here", 4)
    assert shop.unchanged(shop.run("f")) == {"f": False}
    assert shop.unchanged(shop.run("e")) == {"e": False}
    assert shop.unchanged(shop.run("e")) == {"e": True}
    assert shop.unchanged(shop.run("a")) == {"a": False}
    assert all(shop.unchanged(shop.run()).values())


OTHER_KINDS = """
version: 2
sources:
  - name: silver
    tables:
      - name: here@
snapshots:
  - name: kept@
    relation: ref('of_seed@')
    config: {unique_key: id, strategy: check, check_cols: all}
models:
  - name: of_seed@
    columns:
      - name: id
        data_tests: [{accepted_values: {arguments: {values: [1, 2]}, config: {store_failures: true}}}]
"""


@pytest.mark.slow
def test_seeds_snapshots_and_tags_are_built_in_order_and_what_is_disabled_is_not(shop: Shop):
    for file in (shop.folder / "dbt_project").rglob(f"*{shop.mark}*"):
        file.unlink()
    shop.properties(OTHER_KINDS)
    seeds = shop.folder / "dbt_project/seeds"
    seeds.mkdir(exist_ok=True)
    seed = seeds / f"numbers_{shop.mark}.csv"
    seed.write_text("id\n1\n2\n")
    shop.model("of_seed", "select id from {{ ref('numbers@') }}")
    shop.model("nightly", "{{ config(tags=['nightly']) }} select id from {{ ref('kept@') }}")
    shop.model("off", "{{ config(enabled=false) }} select 1 as id")

    first = shop.unchanged(shop.run())
    assert list(first) == ["numbers", "of_seed", "kept", "nightly"]
    assert not any(first.values())
    assert all(shop.unchanged(shop.run()).values())

    # A row that the test refuses: it is kept by dbt, and the model is not called good.
    seed.write_text("id\n1\n2\n3\n")
    failed = shop.run()
    assert not failed.success
    said = [event for event in failed.get_asset_check_evaluations() if not event.passed]
    assert {event.asset_key.path[-1] for event in said} == {shop.name("of_seed")}

    seed.write_text("id\n2\n")
    assert not any(shop.unchanged(shop.run()).values())
    kept = shop.door.spark.table(f"gold.{shop.name('kept')}").where("dbt_valid_to IS NULL").select("id").collect()
    assert 2 in [row["id"] for row in kept]
