"""The registry: a training becomes a version that explains itself, and a champion only if it is not worse."""

import json
import time
from collections.abc import Mapping, Sequence
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from lakehouse.errors import LakehouseError, near_miss
from lakehouse.models.gate import CHAMPION, GateDecision, judge
from lakehouse.models.onnx_model import to_onnx
from lakehouse.models.store import (
    GATE,
    ONNX_FILE,
    TABLE_TAG,
    ModelVersion,
    experiment_of,
    model_names,
    open_store,
    versions,
    with_alias,
)
from lakehouse.models.training import Dataset, Origin, Trained, fingerprint
from lakehouse.workspace import Workspace

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import DatasetInput

PREVIOUS = "previous"
FINGERPRINT = "fingerprint"
TABLE_IDS = "table_ids"
# Whose types a dump may name beside those that skops knows by itself: trees, losses and distances are of these.
_TRUSTED = ("numpy", "scipy", "sklearn")
_PACKAGES = ("scikit-learn", "skops", "numpy", "pandas")


def find_version(
    workspace: Workspace, name: str, inputs: Mapping[str, int], code: str, table_ids: Mapping[str, str] | None = None
) -> ModelVersion | None:
    """The newest version that was trained on the same Delta versions by the same code, and was judged by the gate.

    Args:
        workspace: Whose store is asked.
        name: Of the model.
        inputs: Delta versions by table.
        code: Digest of the training.
        table_ids: Delta's ids of the tables: a version that was trained on a table that had the name before is another
            one's. Versions that do not say it are taken as they are.
    """
    same, ids = fingerprint(inputs, code), json.dumps(dict(table_ids or {}), sort_keys=True)
    judged = [
        version
        for version in versions(workspace, name)
        if version.tags.get(FINGERPRINT) == same and GATE in version.tags and version.tags.get(TABLE_IDS, ids) == ids
    ]
    return judged[-1] if judged else None


def log_and_register(workspace: Workspace, name: str, trained: Trained, origin: Origin) -> ModelVersion:
    """Log a training as a run, register it, and let the gate decide who is champion.

    Args:
        workspace: Whose store it goes to.
        name: Of the model, and of the experiment.
        trained: The pipeline and the rows to judge it by.
        origin: What it was made from.

    Returns:
        The new version, with its aliases; tag `gate` says what was decided.

    Raises:
        LakehouseError: the gate cannot compare the two (`judge` says when); nothing is registered.
    """
    content = to_onnx(trained.pipeline, trained.feature_names)
    before = with_alias(workspace, name, CHAMPION)
    decision = judge(workspace, name, trained, content=content, champion=before)
    client = open_store(workspace)
    run_id = _log(client, workspace, name, trained=trained, origin=origin, content=content, decision=decision)
    tags = _tags(trained, origin)
    number = _register(client, name, run_id, tags)
    if decision.moves:
        if before is not None:
            client.set_registered_model_alias(name, PREVIOUS, str(before.version))
        client.set_registered_model_alias(name, CHAMPION, number)
    # The last step: a version without this tag was cut off, and is trained again.
    client.set_model_version_tag(name, number, GATE, str(decision))
    return next(version for version in versions(workspace, name) if version.version == int(number))


def registered(workspace: Workspace, name: str) -> tuple[ModelVersion, ...]:
    """The versions of a model that is there, oldest first.

    Raises:
        LakehouseError: no such model.
    """
    made = versions(workspace, name)
    if not made:
        names = model_names(workspace)
        near = near_miss(name, names)
        known = f"did you mean `{near}`?" if near else f"registered are: {', '.join(names) or 'none yet'}"
        raise LakehouseError(f"{name} is no registered model with a version ({known})")
    return made


def rollback(workspace: Workspace, name: str, to: int | None = None) -> ModelVersion:
    """Give the alias `champion` back to the champion before, or to a version.

    The champion until now is `previous` then, so the next call takes it back. If the version is champion, it stays so.

    Args:
        workspace: Whose store it is.
        name: Of the model.
        to: The version; None for the champion before.

    Returns:
        The version that is champion now.

    Raises:
        LakehouseError: no such model or version, no champion before, or a version that the gate has not judged.
    """
    made = registered(workspace, name)
    champion = next((version for version in made if CHAMPION in version.aliases), None)
    target = _rollback_target(name, made, to)
    if target == champion:
        return target
    client = open_store(workspace)
    client.set_registered_model_alias(name, CHAMPION, str(target.version))
    if champion is not None:
        client.set_registered_model_alias(name, PREVIOUS, str(champion.version))
    return next(version for version in versions(workspace, name) if version.version == target.version)


def _rollback_target(name: str, made: Sequence[ModelVersion], to: int | None) -> ModelVersion:
    """The version that is to be champion."""
    kept = "versions and aliases are as they were"
    numbers = ", ".join(str(version.version) for version in made)
    if to is None:
        before = next((version for version in made if PREVIOUS in version.aliases), None)
        if before is None:
            raise LakehouseError(
                f"{name} has no earlier champion to go back to; {kept}. Name a version: it has {numbers}."
            )
        return before
    target = next((version for version in made if version.version == to), None)
    if target is None:
        raise LakehouseError(f"{name} has no version {to}; {kept}. It has {numbers}.")
    if GATE not in target.tags:
        raise LakehouseError(f"Version {to} of {name} was cut off before the gate had judged it; {kept}.")
    return target


def _tags(trained: Trained, origin: Origin) -> dict[str, str]:
    """What run and version both say of themselves."""
    return {
        FINGERPRINT: fingerprint(origin.versions, origin.code),
        TABLE_IDS: json.dumps(origin.table_ids, sort_keys=True),
        "code": origin.code,
        "commit": origin.commit or f"source {origin.code}",
        "feature_names": json.dumps(list(trained.feature_names)),
        **{f"{TABLE_TAG}{table}": str(version) for table, version in origin.versions.items()},
    }


def _log(
    client: "MlflowClient",
    workspace: Workspace,
    name: str,
    *,
    trained: Trained,
    origin: Origin,
    content: bytes,
    decision: GateDecision,
) -> str:
    tags = _tags(trained, origin) | {GATE: str(decision), "mlflow.source.git.commit": origin.commit or origin.code}
    experiment = experiment_of(client, workspace, name)
    run_id = str(client.create_run(experiment, tags=tags, run_name=f"{name} {tags[FINGERPRINT][:8]}").info.run_id)
    try:
        _log_figures(client, run_id, trained, decision)
        client.log_inputs(run_id, [_dataset_input(dataset) for dataset in origin.datasets])
        _log_files(client, run_id, workspace, trained=trained, content=content)
    except BaseException:
        client.set_terminated(run_id, "FAILED")
        raise
    client.set_terminated(run_id)
    return run_id


def _log_figures(client: "MlflowClient", run_id: str, trained: Trained, decision: GateDecision) -> None:
    from mlflow.entities import Metric as Logged
    from mlflow.entities import Param

    figures = {**trained.metrics, **decision.figures}
    now = int(time.time() * 1000)
    client.log_batch(
        run_id,
        metrics=[Logged(key, float(value), now, 0) for key, value in figures.items()],
        params=[Param(key, str(value)) for key, value in trained.parameters.items()],
    )


def _dataset_input(dataset: Dataset) -> "DatasetInput":
    """MLflow's record of a table at a version.

    Made from the entities: `mlflow.data` asks the JVM for the version, takes a plan's hash for the digest, and drops
    version 0 (mlflow/data/delta_dataset_source.py, `to_dict`).
    """
    from mlflow.entities import Dataset as Entity
    from mlflow.entities import DatasetInput, InputTag

    source = {"path": dataset.path, "delta_table_version": dataset.version}
    entity = Entity(
        name=dataset.table,
        digest=dataset.digest,
        source_type="delta_table",
        source=json.dumps(source),
        schema=json.dumps({"columns": dict(dataset.columns)}),
        profile=json.dumps({"num_rows": dataset.rows}),
    )
    return DatasetInput(entity, [InputTag("mlflow.data.context", "training")])


def _log_files(client: "MlflowClient", run_id: str, workspace: Workspace, *, trained: Trained, content: bytes) -> None:
    from importlib.metadata import version
    from pathlib import Path

    from mlflow.models import infer_signature
    from mlflow.sklearn import save_model

    example = trained.held_out[list(trained.feature_names)]
    # In the workspace, whose rights its files then have: MLflow gives its copies the modes of what it copies.
    with TemporaryDirectory(prefix=".draft-", dir=workspace.folder("mlflow")) as draft:
        files = Path(draft, "files")
        files.mkdir()
        save_model(
            trained.pipeline,
            str(files / "model"),
            # Given, because MLflow would start a process to find them out.
            pip_requirements=[f"{package}=={version(package)}" for package in _PACKAGES],
            signature=infer_signature(example, trained.pipeline.predict(example)),
            skops_trusted_types=_trusted_types(trained.pipeline),
        )
        (files / ONNX_FILE).write_bytes(content)
        client.log_artifacts(run_id, str(files))


def _trusted_types(pipeline: Any) -> list[str]:
    """Types of a pipeline that scikit-learn and what it stands on define; another's are refused by MLflow."""
    from skops.io import dumps, get_untrusted_types

    return sorted(name for name in get_untrusted_types(data=dumps(pipeline)) if name.partition(".")[0] in _TRUSTED)


def _register(client: "MlflowClient", name: str, run_id: str, tags: Mapping[str, str]) -> str:
    from mlflow.exceptions import MlflowException

    try:
        client.create_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    source = f"{client.get_run(run_id).info.artifact_uri}/model"
    made = client.create_model_version(name, source, run_id=run_id, tags=dict(tags), await_creation_for=0)
    return str(made.version)
