"""The registry of somebody else: an MLflow server at an address."""

import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from lakehouse.models.registry import find_version, log_and_register
from lakehouse.models.store import read_onnx, store_file, versions, with_alias
from lakehouse.settings import MlflowSettings, Settings
from lakehouse.workspace import Workspace
from tests.library.models.cases import origin, people, train


def wait_until_healthy(url: str, server: "subprocess.Popen[bytes]") -> None:
    """Return when the server answers; fail when it has ended or takes more than two minutes."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"{url}/health", timeout=5):  # noqa: S310 - our own address
                return
        except (urllib.error.URLError, ConnectionError):
            assert server.poll() is None, "the MLflow server has ended; its words are above"
            time.sleep(0.2)
    raise TimeoutError(url)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An MLflow server with a store and a folder for artifacts of its own."""
    folder = tmp_path_factory.mktemp("mlflow")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    stores = ["--backend-store-uri", f"sqlite:///{folder}/their.db", "--artifacts-destination", str(folder / "files")]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([*words, *stores], cwd=folder, stdout=log, stderr=log)
        try:
            url = f"http://127.0.0.1:{port}"
            wait_until_healthy(url, process)
            yield url
        finally:
            process.terminate()
            process.wait(30)


@pytest.mark.slow
def test_a_model_is_registered_found_and_read_over_http(server: str, tmp_path: Path) -> None:
    workspace = Workspace(Settings(home=tmp_path, project=tmp_path, mlflow=MlflowSettings(url=server)))

    first = log_and_register(workspace, "people", train(people()), origin(version=0))
    refused = log_and_register(workspace, "people", train(people(), strength=-1.0), origin(code="worse"))

    assert (first.version, first.aliases, refused.aliases) == (1, ("champion",), ())
    assert refused.tags["gate"].startswith("refused: auc 0.")
    assert versions(workspace, "people") == (first, refused)
    assert find_version(workspace, "people", {"gold.people": 0}, "c0de") == first
    assert with_alias(workspace, "people", "champion") == first
    assert read_onnx(workspace, first)
    assert versions(workspace, "strangers") == ()
    assert not store_file(workspace).exists()
