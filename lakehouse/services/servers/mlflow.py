"""The model registry: an MLflow server over the workspace's own SQLite file."""

import sys

from lakehouse.services.supervise.spec import Address, ServiceSpec
from lakehouse.workspace import Workspace


def spec(workspace: Workspace, address: Address) -> ServiceSpec:
    """The MLflow server of a workspace. Clients reach artifacts by their paths, as they do when it is down."""
    folder = workspace.home / "mlflow"
    return ServiceSpec(
        name="mlflow",
        command=(
            *(sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(address.port)),
            *("--backend-store-uri", f"sqlite:///{folder / 'mlflow.db'}"),
            *("--no-serve-artifacts", "--default-artifact-root", (folder / "artifacts").as_uri()),
            *("--workers", "1"),
        ),
        folder=folder,
        env={"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
    )
