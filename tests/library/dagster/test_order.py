"""A table comes after those in which its suite looks keys up: in Dagster, and in a run without it."""

import json
import uuid
from collections.abc import Callable, Iterator, Mapping
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakehouse.dagster.dbt_assets import audit_checks
from lakehouse.dagster.discover import project_package
from lakehouse.dagster.graph import Graph, Reader
from lakehouse.dagster.order import in_order, looked_up_before
from lakehouse.dagster.project_definitions import project_definitions
from lakehouse.dagster.table_asset import TableAsset, table_asset
from lakehouse.declare.column import Column
from lakehouse.declare.table import Table
from lakehouse.declare.write_modes import Overwrite
from lakehouse.engine.session import CONNECTION, Connection
from lakehouse.project.runs import run_each
from lakehouse.workspace import Workspace, current_workspace
from tests.library.project.declared_project import declaring

ASSETS = """
from lakehouse import Column, Table, table_asset

VISITS = Table("silver.visits", grain="one row per visit", columns=(Column("shop", "int", "Key"),))
SHOPS = Table("silver.shops", grain="one row per shop", columns=(Column("shop", "int", "Key"),))
COUNTS = Table("silver.visit_counts", grain="one row per shop", columns=(Column("shop", "int", "Key"),))


@table_asset(VISITS, reads={})
def visits():
    raise NotImplementedError


@table_asset(SHOPS, reads={})
def shops():
    raise NotImplementedError


@table_asset(COUNTS, reads={"visits": VISITS})
def visit_counts(visits):
    return visits
"""


def graph(reads: Mapping[str, str], looks_up: Mapping[str, str]) -> Graph:
    """Of tables with names of one letter each: `{"a": "bc"}` says that a reads b and c."""
    readers = [Reader(name, "asset", table) for name, tables in reads.items() for table in tables]
    readers += [Reader(name, "suite", table) for name, tables in looks_up.items() for table in tables]
    return Graph(dict.fromkeys("abcdef", "asset"), tuple(readers))


def write_suite(project: Path, name: str, *tables: str) -> None:
    rules = [
        {"type": "expect_column_values_to_be_in_table", "kwargs": {"column": "shop", "table": table}}
        for table in tables
    ]
    file = project / "expectations" / f"{name.replace('.', '/')}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"expectations": rules}))


@pytest.mark.parametrize(
    ("reads", "looks_up", "expected"),
    [
        ({}, {"a": "bc"}, {"a": ("b", "c")}),
        ({}, {"a": "az"}, {}),
        ({"c": "b", "b": "a"}, {"a": "c", "d": "c"}, {"d": ("c",)}),
        ({}, {"a": "b", "b": "a"}, {}),
        ({"c": "a"}, {"a": "b", "b": "c"}, {}),
    ],
    ids=["two", "itself and one of another project", "downstream", "each other", "each other, by a third"],
)
def test_a_rule_orders_where_that_is_no_cycle(
    reads: dict[str, str], looks_up: dict[str, str], expected: dict[str, tuple[str, ...]]
):
    assert looked_up_before(graph(reads, looks_up)) == expected


@pytest.mark.parametrize(
    ("reads", "looks_up", "names", "expected"),
    [
        ({}, {}, "cab", "cab"),
        ({}, {"a": "b"}, "cab", "cba"),
        ({"a": "b"}, {}, "cab", "cba"),
        ({"b": "a"}, {"a": "b"}, "ba", "ab"),
        ({"a": "d", "d": "b"}, {}, "aba", "ba"),
    ],
    ids=["as given", "looked up", "read", "a cycle", "by one that is not named"],
)
def test_names_are_run_in_order(reads: dict[str, str], looks_up: dict[str, str], names: str, expected: str):
    assert in_order(graph(reads, looks_up), names) == list(expected)


@given(
    st.dictionaries(st.sampled_from("bcdef"), st.text("abcdef", max_size=3)),
    st.dictionaries(st.sampled_from("abcdef"), st.text("abcdef", max_size=3)),
    st.permutations("abcdef"),
)
def test_there_is_never_a_cycle_and_all_that_is_needed_comes_first(
    reads: dict[str, str], looks_up: dict[str, str], names: list[str]
):
    # What a table reads has a lower letter, so that the reads alone are no cycle.
    reads = {name: "".join(table for table in tables if table < name) for name, tables in reads.items()}
    made = graph(reads, looks_up)

    needs = {name: {*reads.get(name, ""), *looked_up_before(made).get(name, ())} for name in "abcdef"}

    TopologicalSorter(needs).prepare()  # raises CycleError
    ordered = in_order(made, names)
    assert sorted(ordered) == list("abcdef")
    assert all(ordered.index(other) < ordered.index(name) for name, others in needs.items() for other in others)


@pytest.fixture
def declare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    monkeypatch.setenv("LAKEHOUSE_PROJECT", str(tmp_path))
    with declaring(tmp_path) as declare:
        yield declare


def test_dagster_knows_the_order_and_a_table_downstream_gives_none(declare: Callable[[str], None], tmp_path: Path):
    declare(ASSETS)
    write_suite(tmp_path, "silver.visits", "silver.shops", "silver.visits", "silver.visit_counts", "silver.of_another")

    definitions = project_definitions(project_package(current_workspace()))

    known = definitions.resolve_asset_graph()
    parents = {
        key.path[-1]: {parent.path[-1] for parent in known.get(key).parent_keys} for key in known.get_all_asset_keys()
    }
    assert parents == {"visits": {"shops"}, "shops": set(), "visit_counts": {"visits"}}


def test_the_audit_of_a_dbt_model_comes_after_the_tables_that_it_looks_into(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("LAKEHOUSE_PROJECT", str(tmp_path))
    write_suite(tmp_path, "gold.totals", "silver.shops")

    [spec] = audit_checks("gold.totals", after=("silver.shops",)).check_specs

    assert [dep.asset_key.path for dep in spec.additional_deps] == [["silver", "shops"]]
    assert spec.blocking


@pytest.mark.parametrize("way", ["run", "dagster"])
def test_the_other_table_is_made_first(
    workspace: Workspace, spark: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
):
    monkeypatch.setenv("LAKEHOUSE_PROJECT", str(tmp_path))
    own = Workspace(workspace.settings.model_copy(update={"project": tmp_path}))
    connection = Connection(own)
    connection._session = spark
    # By its name the first one would be made first.
    first, second = (shops(spark, f"silver.{letter}_{uuid.uuid4().hex[:8]}") for letter in "ab")
    write_suite(tmp_path, first.key, second.key)

    if way == "run":
        done = [result.table for result in run_each([first, second], workspace=own)]
        assert done == [second.key, first.key]
    else:
        assets = [first.defined(after=(second.key,)), second.definition]
        assert dg.materialize(assets, resources={CONNECTION: connection}).success


def shops(spark: Any, name: str) -> TableAsset:
    table = Table(name, columns=(Column("shop", "int", "Key"),), grain="one row per shop", write=Overwrite())

    @table_asset(table, reads={})
    def made() -> Any:
        return spark.sql("SELECT * FROM VALUES (1), (2) AS t(shop)")

    return made
