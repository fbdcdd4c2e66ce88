"""The Dagster seam for dbt: models as assets, their tests as checks, skipped while nothing is new.

`dbt build` runs as a process of its own: dbt-spark turns ANSI off for its session, which no other session should see.
"""

import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lakehouse.dagster.checks import check_result, check_spec
from lakehouse.dagster.dbt_process import FOLDER, manifest_of, project_digest, run_dbt, target_of
from lakehouse.dagster.definition import short
from lakehouse.delta.history import last_note, open_table, row_count, version_of
from lakehouse.delta.note import Note
from lakehouse.delta.row_changes import last_row_change
from lakehouse.delta.tables import Tables
from lakehouse.engine.session import CONNECTION, Connection
from lakehouse.errors import AuditFailedError, LakehouseError, SuiteError
from lakehouse.quality.judge import CheckResult
from lakehouse.quality.suite.suite import load_suite
from lakehouse.runs.audit import audit_foreign
from lakehouse.runs.code_version import commit
from lakehouse.workspace import Workspace, current_workspace
from lakehouse.write.ops_checks import audited, record
from lakehouse.write.table_rules import suite_name

if TYPE_CHECKING:
    import dagster as dg

DBT_TEST = "dbt_test"


@dataclass(frozen=True)
class Model:
    """A dbt model and the tests that hang on it.

    Args:
        unique_id: dbt's.
        table: `layer.entities`.
        tests: dbt's ids and names of its tests.
    """

    unique_id: str
    table: str
    tests: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Built:
    """What came of a build.

    Args:
        unchanged: No source had a new version, no file of the project was new.
        results: Test results by table.
        versions: Delta versions by table.
        error: The first thing that went wrong, if any.
    """

    unchanged: bool
    results: dict[str, tuple[CheckResult, ...]]
    versions: dict[str, int | None]
    error: str | None = None


def models_of(manifest: dict[str, Any]) -> tuple[Model, ...]:
    """The models of a manifest, with the tests that dagster-dbt attaches to each."""
    tests: dict[str, list[tuple[str, str]]] = {}
    for unique_id, node in manifest["nodes"].items():
        if node["resource_type"] == "test":
            owner = node.get("attached_node") or next(iter(node["depends_on"]["nodes"]), "")
            tests.setdefault(owner, []).append((unique_id, node["name"]))
    return tuple(
        Model(unique_id, f"{node['schema']}.{node['alias']}", tuple(tests.get(unique_id, ())))
        for unique_id, node in manifest["nodes"].items()
        if node["resource_type"] == "model"
    )


@dataclass(frozen=True)
class DbtProject:
    """The dbt project of this one, seen as assets.

    Args:
        folder: Its folder, relative to the project.
    """

    folder: str = FOLDER

    def path(self, workspace: Workspace) -> Path:
        """The dbt project's folder."""
        return workspace.settings.project / self.folder

    def build(self, connection: Connection, only: Sequence[str] = (), run_id: str | None = None) -> Built:
        """Run `dbt build`, unless the sources' versions and the project's files are those of the last build.

        Args:
            connection: The workspace.
            only: Tables to build; all, where empty.
            run_id: The run.
        """
        workspace = connection.workspace
        run_id = run_id or uuid.uuid4().hex[:12]
        manifest = manifest_of(workspace, self.path(workspace))
        models = [model for model in models_of(manifest) if not only or model.table in only]
        sources = [f"{source['schema']}.{source['identifier']}" for source in manifest["sources"].values()]
        tables = Tables(workspace)
        inputs = {name: last_row_change(tables.opened(name)) for name in sources}
        missing = [name for name, version in inputs.items() if version is None]
        if missing:
            raise LakehouseError(f"dbt reads {', '.join(missing)}, which does not exist yet. Materialise it first.")
        code = project_digest(self.path(workspace))
        known = {model.table: self._known(workspace, model, inputs, code) for model in models}
        if all(results is not None for results in known.values()):
            versions = {model.table: version_of(workspace, model.table) for model in models}
            return Built(True, {name: results or () for name, results in known.items()}, versions)
        note = Note("dbt", run=run_id, inputs=inputs, code=code, commit=commit(str(workspace.settings.project)))
        select = ["--select", *(model.unique_id.rpartition(".")[2] for model in models)] if only else []
        done = run_dbt(workspace, self.path(workspace), ["build", *select], note=note.text)
        return self._report(connection, models, run_id, done)

    def _known(
        self, workspace: Workspace, model: Model, inputs: dict[str, Any], code: str
    ) -> tuple[CheckResult, ...] | None:
        """The recorded test results of a model that is up to date and passed; None where it must be built."""
        delta = open_table(workspace, model.table)
        note = last_note(delta)
        if delta is None or note is None or note.inputs != inputs or note.code != code:
            return None
        results = [
            result for result in audited(workspace, model.table, delta, delta.version()) if result.type == DBT_TEST
        ]
        failed = [result for result in results if not result.success and result.severity == "critical"]
        return None if failed or len(results) < len(model.tests) else tuple(results)

    def _report(self, connection: Connection, models: Sequence[Model], run_id: str, code: int) -> Built:
        workspace, tables = connection.workspace, Tables(connection.workspace)
        nodes = json.loads((target_of(workspace, self.path(workspace)) / "run_results.json").read_text())["results"]
        status = {node["unique_id"]: node for node in nodes}
        results: dict[str, tuple[CheckResult, ...]] = {}
        versions: dict[str, int | None] = {}
        for model in models:
            checks = [test_result(name, status[unique]) for unique, name in model.tests if unique in status]
            if status.get(model.unique_id, {}).get("status") == "success":
                versions[model.table] = version_of(workspace, model.table)
                results[model.table] = tuple(checks)
                record(
                    tables,
                    connection.session(),
                    model.table,
                    checks,
                    run_id=run_id,
                    version=versions[model.table],
                )
        failed = [node["unique_id"] for node in nodes if node["status"] in ("error", "fail", "runtime error")]
        error = f"dbt build failed at {', '.join(failed[:5]) or 'start'}; see logs/dbt.log" if code or failed else None
        return Built(False, results, versions, error)

    @cached_property
    def definitions(self) -> "tuple[dg.AssetsDefinition, ...]":
        """The dbt models and their tests, and one audit for each model that has a suite in `expectations/`."""
        return self.defined(after={})

    def defined(self, *, after: Mapping[str, Sequence[str]]) -> "tuple[dg.AssetsDefinition, ...]":
        """The same, where audits also come after other tables.

        Args:
            after: `layer.entities` of these tables, by that of the audited one.
        """
        import dagster as dg
        from dagster_dbt import dbt_assets

        workspace = current_workspace()
        manifest = manifest_of(workspace, self.path(workspace))

        @dbt_assets(manifest=manifest, name="dbt", required_resource_keys={CONNECTION})
        def built(context):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202 - dagster reads annotations
            connection = getattr(context.resources, CONNECTION)
            selected = [".".join(key.path) for key in context.selected_asset_keys]
            complete = len(selected) == len(models_of(manifest))
            done = self.build(connection, () if complete else selected, short(context.run_id))
            context.log.info("dbt: unchanged" if done.unchanged else "dbt: built")
            columns = {model.table: model_columns(manifest["nodes"][model.unique_id]) for model in models_of(manifest)}
            for name, version in done.versions.items():
                yield from (check_result(name, result) for result in done.results[name])
                yield dg.MaterializeResult(
                    asset_key=name.split("."),
                    metadata={
                        "dagster/row_count": row_count(connection.workspace, name),
                        "dagster/column_schema": columns[name],
                        "delta_version": version,
                        "unchanged": done.unchanged,
                    },
                )
            if done.error:
                raise dg.Failure(done.error, allow_retries=False)

        audited_models = [model.table for model in models_of(manifest) if has_suite(workspace, model.table)]
        return (built, *(audit_checks(name, after=after.get(name, ())) for name in audited_models))


def model_columns(node: dict[str, Any]) -> "dg.TableSchema":
    """The columns of a model, as its yml describes them."""
    import dagster as dg

    return dg.TableSchema(
        columns=[
            dg.TableColumn(name, column.get("data_type") or "?", description=column.get("description"))
            for name, column in node["columns"].items()
        ]
    )


def test_result(name: str, node: dict[str, Any]) -> CheckResult:
    """A dbt test's result in the words of `ops.checks`."""
    failures = node.get("failures")
    return CheckResult(
        name=name,
        label=name,
        type=DBT_TEST,
        column=None,
        severity="warning" if node["status"] == "warn" else "critical",
        success=node["status"] == "pass",
        element_count=None,
        unexpected_count=failures,
        observed=None,
    )


def has_suite(workspace: Workspace, name: str) -> bool:
    """Whether there is a suite for `layer.entities`."""
    return (workspace.settings.project / suite_name(name)).exists()


def audit_checks(name: str, *, after: Sequence[str] = ()) -> "dg.AssetsDefinition":
    """The suite of a table that another tool writes, as blocking Dagster checks: who reads it waits for them.

    A suite that cannot be used is one check, which fails and says why.

    Args:
        name: `layer.entities`.
        after: Those of other tables, in which the suite looks keys up: they are made first.
    """
    import dagster as dg

    workspace = current_workspace()
    try:
        suite = load_suite(workspace.settings.project / suite_name(name), None)
    except SuiteError as error:
        return _refused(name, error)
    specs = [
        check_spec(name.split("."), expectation, after=after)._replace(blocking=expectation.severity == "critical")
        for expectation in (suite.expectations if suite else ())
    ]

    @dg.multi_asset_check(name=f"audit_{name.replace('.', '_')}", specs=specs, required_resource_keys={CONNECTION})
    def audit(context) -> Iterator[Any]:  # type: ignore[no-untyped-def]  # noqa: ANN001 - dagster reads annotations
        connection = getattr(context.resources, CONNECTION)
        version = version_of(connection.workspace, name)
        if version is None:
            raise dg.Failure(f"{name} does not exist yet. Materialise it first.")
        try:
            results: Sequence[CheckResult] = audit_foreign(
                connection, Tables(connection.workspace), name, version, short(context.run.run_id)
            )
        except AuditFailedError as error:
            results = error.results
        yield from (check_result(name, result) for result in results)

    return audit


def _refused(name: str, error: SuiteError) -> "dg.AssetsDefinition":
    """The check that stands for a suite that cannot be used."""
    import dagster as dg

    key, why = dg.AssetKey(name.split(".")), str(error)
    spec = dg.AssetCheckSpec("suite_can_be_used", asset=key, description=why, blocking=True)

    @dg.multi_asset_check(name=f"audit_{name.replace('.', '_')}", specs=[spec])
    def audit() -> Iterator[Any]:
        yield dg.AssetCheckResult(passed=False, asset_key=key, check_name=spec.name, metadata={"why": why})

    return audit
