"""A workspace for one benchmark: home and project in a temporary folder, servers taken down at the end."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from lakehouse.engine.session import Connection
from lakehouse.services import aot_training, down
from lakehouse.services.servers.spark import BIG_WORK_CONF
from lakehouse.services.supervise import launch
from lakehouse.settings import (
    DagsterSettings,
    MetastoreSettings,
    MlflowSettings,
    Settings,
    SparkSettings,
    TrinoSettings,
    load,
)
from lakehouse.workspace import Workspace
from lakehouse.write.table_rules import suite_name

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

ROOT = Path(__file__).parents[1]
CORES = "2"
# The caches of this user and how to fill them are the machine's; all else is chosen here.
_KEPT = {f"LAKEHOUSE_{name}" for name in ("CACHE", "TRUSTSTORE", "IVY_SETTINGS", "JAVA_HOME")}


def has_aot_cache() -> bool:
    """Whether this machine's AOT caches are made. `lakehouse up` makes them, in the background."""
    return not aot_training.missing(load().model_copy(update={"aot": "auto", "spark": SparkSettings()}))


@contextmanager
def room(*, profile: Literal["tuned", "stock"] = "tuned", aot: Literal["use", "off"] = "use") -> Iterator[Workspace]:
    """A fresh workspace with nothing up; whatever comes up in it is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        home, project = Path(folder) / "home", Path(folder) / "project"
        project.mkdir()
        for name in ("assets", "data", "dbt_project", "expectations", "orchestration"):
            (project / name).symlink_to(ROOT / name)
        workspace = Workspace(_settings(home, project, SparkSettings(cores=CORES, profile=profile), aot))
        try:
            yield workspace
        finally:
            down(workspace)


def _settings(home: Path, project: Path, spark: SparkSettings, aot: str) -> Settings:
    ours = {"home": home, "project": project, "warehouse": None, "aot": aot, "spark": spark}
    nobodys = {
        "metastore": MetastoreSettings(),
        "trino": TrinoSettings(),
        "mlflow": MlflowSettings(),
        "dagster": DagsterSettings(),
    }
    return load().model_copy(update=ours | nobodys)


def big_session(connection: Connection) -> "SparkSession":
    """A session that has the settings for big work from the start: the best case of code that is not ours."""
    session = connection.session()
    for name, value in BIG_WORK_CONF.items():
        session.conf.set(name, value)
    return session


def write_rules(workspace: Workspace, name: str, expectations: Sequence[Mapping[str, Any]]) -> None:
    """Give a table of a room its suite. The room's expectations are the repository's until then."""
    project = workspace.settings.project
    if (project / "expectations").is_symlink():
        (project / "expectations").unlink()
    file = project / suite_name(name)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"name": name, "expectations": expectations, "meta": {}}))


def environment(workspace: Workspace) -> dict[str, str]:
    """The environment of a process that works in a room."""
    settings = workspace.settings
    # pyspark leaves SPARK_CONNECT_MODE_ENABLED in the environment of a process that has a Connect session.
    plain = {
        name: value
        for name, value in launch.of_workspace(workspace).items()
        if not name.startswith(("LAKEHOUSE_", "SPARK_")) or name in _KEPT
    }
    return plain | {
        "LAKEHOUSE_HOME": str(workspace.home),
        "LAKEHOUSE_PROJECT": str(settings.project),
        "LAKEHOUSE_CACHE": str(settings.cache),
        "LAKEHOUSE_AOT": settings.aot,
        "LAKEHOUSE_SPARK__CORES": settings.spark.cores,
        "LAKEHOUSE_SPARK__PROFILE": settings.spark.profile,
    }


def run(workspace: Workspace, *module: str) -> str:
    """Run `python -m module ...` in a room, in a process of its own; its output.

    Raises:
        RuntimeError: it failed.
    """
    command = [sys.executable, "-m", *module]
    done = subprocess.run(
        command, env=environment(workspace), cwd=ROOT, capture_output=True, text=True, timeout=900, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(module)} failed in {workspace.home}\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
    return done.stdout
