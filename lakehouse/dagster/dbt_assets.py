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
from lakehouse.dagster.dbt_digests import digests_of
from lakehouse.dagster.dbt_freshness import DBT_TEST, DIGESTS, ids_of, inputs_of, up_to_date
from lakehouse.dagster.dbt_models import Model, models_of, refuse_views
from lakehouse.dagster.dbt_process import FOLDER, manifest_of, project_digest, run_dbt, target_of
from lakehouse.dagster.dbt_specs import asset_spec, check_specs
from lakehouse.dagster.definition import failures_told, short
from lakehouse.delta.history import row_count, version_of
from lakehouse.delta.note import Note
from lakehouse.delta.tables import Tables
from lakehouse.engine.session import CONNECTION, Connection
from lakehouse.errors import AuditFailedError, SuiteError
from lakehouse.quality.judge import CheckResult
from lakehouse.quality.suite.suite import load_suite
from lakehouse.runs.audit import audit_foreign
from lakehouse.runs.code_version import commit
from lakehouse.workspace import Workspace, current_workspace
from lakehouse.write.ops_checks import record
from lakehouse.write.table_rules import suite_name

if TYPE_CHECKING:
    import dagster as dg


@dataclass(frozen=True)
class Built:
    """What came of a build.

    Args:
        unchanged: Tables that were not built: nothing that they read and no file of the project was new.
        results: Test results by table.
        versions: Delta versions by table.
        error: The first thing that went wrong, if any.
    """

    unchanged: frozenset[str]
    results: dict[str, tuple[CheckResult, ...]]
    versions: dict[str, int | None]
    error: str | None = None


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
        """Run `dbt build` on the models for which something is new: what they read, or a file of the project.

        Args:
            connection: The workspace.
            only: Tables to build; all, where empty.
            run_id: The run.

        Raises:
            LakehouseError: a model is a view, or reads a table that does not exist; nothing was built.
        """
        workspace = connection.workspace
        run_id = run_id or uuid.uuid4().hex[:12]
        manifest = manifest_of(workspace, self.path(workspace))
        everything = models_of(manifest)
        models = [model for model in everything if not only or model.table in only]
        refuse_views(models)
        tables = Tables(workspace)
        inputs = inputs_of(tables, models)
        note = Note(
            "dbt",
            run=run_id,
            inputs=inputs,
            tables=ids_of(tables, inputs),
            code=project_digest(self.path(workspace)),
            commit=commit(str(workspace.settings.project)),
            beside={DIGESTS: digests_of(manifest, everything, self.path(workspace))},
        )
        known = up_to_date(workspace, models, note)
        stale = [model for model in models if model.table not in known]
        kept = {model.table: version_of(workspace, model.table) for model in models if model.table in known}
        if not stale:
            return Built(frozenset(known), known, kept)
        select = ["--select", *(model.selector for model in stale)] if len(stale) < len(everything) else []
        results_file = target_of(workspace, self.path(workspace)) / "run_results.json"
        results_file.unlink(missing_ok=True)
        done = run_dbt(workspace, self.path(workspace), ["build", *select], note=note.text)
        nodes = json.loads(results_file.read_text(encoding="utf-8"))["results"] if results_file.exists() else []
        built = _report(connection, stale, run_id, nodes, done)
        return Built(frozenset(known), {**known, **built.results}, {**kept, **built.versions}, built.error)

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

        workspace = current_workspace()
        manifest = manifest_of(workspace, self.path(workspace))
        models = models_of(manifest)
        digests = digests_of(manifest, models, self.path(workspace))
        specs = {model.table: asset_spec(manifest, model, digests[model.unique_id]) for model in models}

        @dg.multi_asset(
            name="dbt",
            specs=[*specs.values()],
            check_specs=[check for model in models for check in check_specs(manifest, model)],
            can_subset=True,
            required_resource_keys={CONNECTION},
        )
        def built(context):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202 - dagster reads annotations
            connection = getattr(context.resources, CONNECTION)
            selected = [".".join(key.path) for key in context.selected_asset_keys]
            with failures_told():
                done = self.build(connection, () if len(selected) == len(models) else selected, short(context.run_id))
            made = [model.table for model in models if model.table in done.versions]
            context.log.info(f"dbt: {len(made) - len(done.unchanged)} built, {len(done.unchanged)} unchanged")
            for name in made:
                yield dg.MaterializeResult(
                    asset_key=name.split("."),
                    metadata={
                        "dagster/row_count": row_count(connection.workspace, name),
                        "dagster/column_schema": specs[name].metadata["dagster/column_schema"],
                        "delta_version": done.versions[name],
                        "unchanged": name in done.unchanged,
                    },
                )
            # A test may read tables that are made after the one on which it hangs.
            shown = context.selected_asset_check_keys
            for name in made:
                for result in done.results[name]:
                    if dg.AssetCheckKey(dg.AssetKey(name.split(".")), result.name) in shown:
                        yield check_result(name, result)
            if done.error:
                raise dg.Failure(done.error, allow_retries=False)

        audited_models = [model.table for model in models if has_suite(workspace, model.table)]
        return (built, *(audit_checks(name, after=after.get(name, ())) for name in audited_models))


def _report(
    connection: Connection, models: Sequence[Model], run_id: str, nodes: Sequence[Mapping[str, Any]], code: int
) -> Built:
    """What came of a build of these models, by what dbt says of each node."""
    workspace, tables = connection.workspace, Tables(connection.workspace)
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
    failed += [model.unique_id for model in models if model.unique_id not in status]
    error = f"dbt build failed at {', '.join(failed[:5]) or 'start'}; see logs/dbt.log" if code or failed else None
    return Built(frozenset(), results, versions, error)


def test_result(name: str, node: Mapping[str, Any]) -> CheckResult:
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
