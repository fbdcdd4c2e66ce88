"""Which stored tables nothing declares any more, and what speaks against a drop. Needs no server."""

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import CommitProperties, write_deltalake

from lakehouse.answers.loss import loss_of
from lakehouse.dagster.dbt_process import manifest_of
from lakehouse.dagster.discover import assets_of, by_name, project_package
from lakehouse.dagster.graph import Graph
from lakehouse.errors import LakehouseError
from lakehouse.project import drops
from lakehouse.project.schema import plan
from lakehouse.scaffold.project.new_project import new_project
from lakehouse.settings import Settings
from lakehouse.workspace import Workspace
from tests.library.project.declared_project import declaring

ASSETS = """
from lakehouse import Column, Features, FeatureAsset, Foreign, Table, model_asset, table_asset

KEPT = Table("silver.kept", grain="one row per thing", columns=(Column("id", "bigint", "Key"),))


@table_asset(KEPT, reads={"raw": Foreign("silver.read")})
def kept(raw):
    return raw


@model_asset("guess", reads={"raw": Foreign("silver.read")})
def guess(raw):
    return raw


served = FeatureAsset(Features("seen", "silver.read", "key", (("id", "string"),), "at", "made"))
"""
SUITE = {
    "name": "silver.kept",
    "meta": {},
    "expectations": [
        {"type": "expect_column_values_to_be_in_table", "kwargs": {"column": "id", "table": "silver.looked_up"}}
    ],
}
STORED = ("silver.kept", "silver.read", "silver.looked_up", "silver.summed", "gold.totals", "silver.stray")
INTERNAL = ("quarantine.silver_kept", "quarantine.silver_stray", "quarantine.silver_gone", "ops.deleted_silver_stray")
NOT_KNOWN = "was not parsed since it changed"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with a dbt model, a suite, and a checkout of its own."""
    project = new_project(tmp_path, "shop")
    (project / "assets").rename(project / "unused")
    gold = project / "dbt_project/models/gold"
    (gold / "totals.sql").write_text("select count(*) as n from {{ source('silver', 'summed') }}")
    (gold / "_sources.yml").write_text(
        "version: 2\nsources:\n  - name: silver\n    schema: silver\n    tables:\n      - name: summed\n"
    )
    (project / "expectations/silver").mkdir(parents=True, exist_ok=True)
    (project / "expectations/silver/kept.json").write_text(json.dumps(SUITE))
    for words in (["init", "-q"], ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "a", "--allow-empty"]):
        subprocess.run(["git", "-C", str(project), *words], check=True)
    return project


@pytest.fixture
def workspace(tmp_path: Path, project: Path) -> Workspace:
    workspace = Workspace(Settings(home=tmp_path / "home", project=project))
    for name in (*STORED, *INTERNAL, "ops.checks"):
        stored(workspace, name)
    stored(workspace, "silver.theirs", "0123456789ab")
    return workspace


@pytest.fixture
def declare(workspace: Workspace) -> Iterator[Callable[[str], None]]:
    with declaring(workspace.settings.project) as declare:
        yield declare


def stored(workspace: Workspace, name: str, commit: str | None = None, code: str = "c") -> None:
    """One version of a table, made from a commit of a checkout."""
    note = json.dumps({"lakehouse": 1, "asset": name, "who": "ada@host", "code": code, "commit": commit})
    said = CommitProperties(custom_metadata={"userMetadata": note})
    path, rows = workspace.table_path(name), pa.table({"id": [1, 2]})
    write_deltalake(path, rows, mode="append", commit_properties=said)


def test_what_nothing_declares_or_reads_is_named_once_all_is_known(
    workspace: Workspace, declare: Callable[[str], None]
):
    declare(ASSETS)
    not_known = [table for table in plan(workspace=workspace) if table.is_declared is None]
    assert {table.table for table in not_known} >= {"silver.stray", "gold.totals"}
    assert all(NOT_KNOWN in table.remark for table in not_known)

    manifest_of(workspace, workspace.settings.project / "dbt_project")
    strays = {table.table: table.remark for table in plan(workspace=workspace) if table.is_declared is False}
    assert list(strays) == ["silver.stray", "silver.theirs", "quarantine.silver_gone"]
    assert strays["silver.stray"].endswith(" UTC by ada@host")
    assert strays["quarantine.silver_gone"].startswith("of silver.gone, which is gone, last written ")
    assert strays["silver.theirs"].endswith("from a commit that this checkout does not have: another project's?")
    assert plan("silver.kept", workspace=workspace)[0].table == "silver.kept"

    def against(name: str) -> tuple[str, ...]:
        return drops.drop_plan(name, workspace=workspace).against

    assert against("silver.stray") == against("quarantine.silver_gone") == ()
    assert against("silver.kept")[0].startswith("The project declares it (asset)")
    assert set(against("silver.read")) == {
        "The asset silver.kept reads it.",
        "The model ml.guess reads it.",
        "The feature view ml.seen reads it.",
    }
    assert against("silver.looked_up") == ("The suite of silver.kept reads it.",)
    assert against("silver.summed") == ("The dbt model gold.totals reads it.",)
    assert against("gold.totals")[0].startswith("The project declares it (dbt model)")
    assert against("quarantine.silver_stray") == ("It belongs to silver.stray, and is dropped with that.",)
    assert against("ops.checks") == ("The library keeps the results of all audits in it.",)
    with pytest.raises(LakehouseError, match=r"silver.theirs was not dropped, it stays at version 0(.|\n)*--force"):
        drops.drop("silver.theirs", workspace=workspace)


def test_what_is_not_known_of_the_graph_keeps_a_table(workspace: Workspace):
    loss = loss_of(workspace, "silver.stray")

    assert drops._against(workspace, loss, Graph({}, (), ("dbt cannot parse.",))) == [
        "Whether it is declared or read is not known: dbt cannot parse."
    ]


def test_a_name_that_is_no_table_is_told_with_what_is_near(workspace: Workspace):
    with pytest.raises(LakehouseError, match=r"silver.strays does not exist in .* .did you mean `silver.stray`"):
        drops.drop_plan("silver.strays", workspace=workspace)
    with pytest.raises(LakehouseError, match=r"`../stray` is no table. Expected layer.entities."):
        drops.drop_plan("../stray", workspace=workspace)


def test_an_object_store_is_refused(tmp_path: Path):
    workspace = Workspace(Settings(home=tmp_path, warehouse="s3://bucket/warehouse"))

    for act in (drops.drop, drops.restore):
        with pytest.raises(
            LakehouseError, match="s3://bucket/warehouse is an object store, which cannot move a folder"
        ):
            act("silver.stray", workspace=workspace)


def test_a_plan_names_what_was_made_by_older_code_and_what_making_it_again_would_read(
    workspace: Workspace, declare: Callable[[str], None]
):
    declare(ASSETS)
    manifest_of(workspace, workspace.settings.project / "dbt_project")
    kept, _ = plan("silver.kept", workspace=workspace)
    assert kept.rebuild_reads == ("silver.read at version 0, 2 rows",)
    assert [table.table for table in plan(workspace=workspace) if table.rebuild_reads] == ["silver.kept"]

    asset = by_name(assets_of(project_package(workspace)), "silver.kept")
    stored(workspace, "silver.kept", code=asset.code(workspace).digest)
    assert not any(table.rebuild_reads for table in plan(workspace=workspace))

    declare(ASSETS.replace("    return raw\n\n\n@model_asset", "    return raw.limit(1)\n\n\n@model_asset", 1))
    assert [table.table for table in plan("silver.kept", workspace=workspace) if table.rebuild_reads] == ["silver.kept"]
