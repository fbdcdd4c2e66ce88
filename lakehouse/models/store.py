"""The MLflow store of a workspace: a client to write with, and a light way to read.

`import mlflow` costs about four seconds, so what every run asks (is there a model already, which one is champion) is
read from the workspace's own SQLite file without it; a store elsewhere is asked through MLflow's client.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

from lakehouse.errors import LakehouseError
from lakehouse.workspace import Workspace

if TYPE_CHECKING:
    from mlflow import MlflowClient

ONNX_FILE = "model.onnx"
# Tags of a version: what the gate decided, and `delta.<table>` with the version that it was trained on.
GATE = "gate"
TABLE_TAG = "delta."
# Tables and columns of MLflow 3.17's own schema (mlflow/store/model_registry/dbmodels/models.py).
_VERSIONS = """
SELECT v.version, v.run_id, r.artifact_uri,
  (SELECT json_group_array(alias) FROM registered_model_aliases a WHERE a.name = v.name AND a.version = v.version),
  (SELECT json_group_object(key, value) FROM model_version_tags t WHERE t.name = v.name AND t.version = v.version)
FROM model_versions v JOIN runs r ON r.run_uuid = v.run_id
WHERE v.name = ? AND v.current_stage <> 'Deleted_Internal'
ORDER BY v.version
"""
# Apart, because SQLite's JSON rounds a double to 15 digits.
_METRICS = """
SELECT run_uuid, key, value FROM latest_metrics
WHERE run_uuid IN (SELECT run_id FROM model_versions WHERE name = ?) AND NOT is_nan
"""


@dataclass(frozen=True)
class ModelVersion:
    """A registered version, with what it says of itself.

    Args:
        name: Of the model.
        version: Of the registry, from 1.
        run_id: The run that trained it.
        artifacts: URI of the run's artifacts.
        aliases: Aliases that point at it.
        tags: Its tags.
        metrics: Metrics of its run.
    """

    name: str
    version: int
    run_id: str
    artifacts: str
    aliases: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)

    @property
    def gate(self) -> str | None:
        """What the gate decided; None if the registration was cut off before."""
        return self.tags.get(GATE)

    @property
    def trained_on(self) -> dict[str, int]:
        """Delta version of each table that it was trained on."""
        return {
            tag.removeprefix(TABLE_TAG): int(version)
            for tag, version in self.tags.items()
            if tag.startswith(TABLE_TAG) and version.isdecimal()
        }

    def to_json(self) -> dict[str, Any]:
        """For programs: what the version says of itself."""
        return {
            "model": self.name,
            "version": self.version,
            "aliases": self.aliases,
            "trained_on": self.trained_on,
            "gate": self.gate,
            "metrics": dict(self.metrics),
            "code": self.tags.get("code"),
            "commit": self.tags.get("commit"),
            "run_id": self.run_id,
        }


def store_file(workspace: Workspace) -> Path:
    """SQLite file of the workspace's own store, whether a server stands before it or not."""
    return workspace.home / "mlflow" / "mlflow.db"


def open_store(workspace: Workspace) -> "MlflowClient":
    """A client of the workspace's store; the store is made on first use."""
    import logging

    import mlflow
    from mlflow.environment_variables import MLFLOW_DISABLE_TELEMETRY
    from mlflow.telemetry import set_telemetry_client

    MLFLOW_DISABLE_TELEMETRY.set(True)  # type: ignore[no-untyped-call]
    set_telemetry_client()  # type: ignore[no-untyped-call]
    for name in ("mlflow", "alembic", "sqlalchemy"):
        logging.getLogger(name).setLevel(logging.WARNING)
    uri = workspace.mlflow_store
    if uri.startswith("sqlite:"):
        workspace.folder(store_file(workspace).parent.name)
    return mlflow.MlflowClient(uri, registry_uri=uri)


def experiment_of(client: "MlflowClient", workspace: Workspace, name: str) -> str:
    """Id of the experiment, made if it is not there; in the workspace's own store its files are in the workspace."""
    experiment = client.get_experiment_by_name(name)
    if experiment is not None:
        return str(experiment.experiment_id)
    own = workspace.settings.mlflow.url is None
    location = (workspace.home / "mlflow" / "artifacts" / name).as_uri() if own else None
    return str(client.create_experiment(name, artifact_location=location))


def model_names(workspace: Workspace) -> list[str]:
    """Names of the registered models, in order; none where the store is not there yet."""
    if workspace.settings.mlflow.url:
        return sorted(_names_from_server(open_store(workspace)))
    file = store_file(workspace)
    return _names_from_file(file) if file.exists() else []


def _names_from_file(file: Path) -> list[str]:
    import sqlite3

    with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True, timeout=30)) as connection:
        made = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'registered_models'").fetchone()
        names = connection.execute("SELECT name FROM registered_models ORDER BY name").fetchall() if made else []
    return [name for (name,) in names]


def _names_from_server(client: "MlflowClient") -> Iterator[str]:
    token = None
    while True:
        page = client.search_registered_models(page_token=token)
        yield from (model.name for model in page)
        token = page.token
        if not token:
            return


def versions(workspace: Workspace, name: str) -> tuple[ModelVersion, ...]:
    """All registered versions of a model, oldest first; none where the model or the store is not there yet."""
    if workspace.settings.mlflow.url:
        return _from_server(open_store(workspace), name)
    file = store_file(workspace)
    return _from_file(file, name) if file.exists() else ()


def _from_file(file: Path, name: str) -> tuple[ModelVersion, ...]:
    import sqlite3

    with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True, timeout=30)) as connection:
        made = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'registered_model_aliases'").fetchone()
        rows = connection.execute(_VERSIONS, (name,)).fetchall() if made else []
        metrics: dict[str, dict[str, float]] = {}
        for run, key, value in connection.execute(_METRICS, (name,)) if made else ():
            metrics.setdefault(run, {})[key] = value
    return tuple(
        ModelVersion(name, int(version), run, uri, tuple(json.loads(aliases)), json.loads(tags), metrics.get(run, {}))
        for version, run, uri, aliases, tags in rows
    )


def _from_server(client: "MlflowClient", name: str) -> tuple[ModelVersion, ...]:
    from mlflow.exceptions import MlflowException

    try:
        model = client.get_registered_model(name)
    except MlflowException as error:
        if error.error_code == "RESOURCE_DOES_NOT_EXIST":
            return ()
        raise
    made = []
    for listed in client.search_model_versions(f"name = '{name}'"):
        run, number = client.get_run(str(listed.run_id)), int(listed.version)
        aliases = tuple(alias for alias, version in model.aliases.items() if int(version) == number)
        tags, metrics = dict(listed.tags), dict(run.data.metrics)
        made.append(ModelVersion(name, number, run.info.run_id, run.info.artifact_uri, aliases, tags, metrics))
    return tuple(sorted(made, key=lambda version: version.version))


def with_alias(workspace: Workspace, name: str, alias: str) -> ModelVersion | None:
    """The version that an alias points at, or None."""
    return next((version for version in versions(workspace, name) if alias in version.aliases), None)


def read_onnx(workspace: Workspace, version: ModelVersion) -> bytes:
    """The ONNX file of a version.

    Raises:
        LakehouseError: the file is gone.
    """
    where = urlsplit(version.artifacts)
    try:
        if where.scheme in ("", "file"):
            return (Path(url2pathname(where.path)) / ONNX_FILE).read_bytes()
        return Path(open_store(workspace).download_artifacts(version.run_id, ONNX_FILE)).read_bytes()
    except OSError as error:
        raise LakehouseError(
            f"{version.name} version {version.version} has no {ONNX_FILE} in {version.artifacts}. "
            f"Restore it from a backup, or move the alias to another version."
        ) from error
