"""Where a workspace keeps its things, and who answers in it. Pure paths and one small file; starts nothing."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lakehouse.errors import LakehouseError, ServiceError, SettingsError
from lakehouse.rights import close
from lakehouse.settings import Settings
from lakehouse.storage import local_folder, write_private_json

# Where the workspace's own servers listen, and how each is reached.
HOST = "127.0.0.1"
URLS = {
    # With a token plain pyspark opens a connection without TLS to this name alone.
    "spark": "sc://localhost:{port}/;token={token}",
    "metastore": f"thrift://{HOST}:{{port}}",
    "trino": f"https://{HOST}:{{port}}",
    "mlflow": f"http://{HOST}:{{port}}",
    "dagster": f"http://{HOST}:{{port}}",
}
# Tried with delta-rs 1.6: it decodes a local path as if it were a URI.
_DECODED = re.compile(r"%[0-9A-Fa-f]{2}|\\")
_LONGEST = 200


def _is_folder(name: str) -> bool:
    """Whether a part of a name can be one folder. A file system takes 255 bytes; a quarantine's name is longer."""
    is_plain = name not in ("", ".", "..") and name.isprintable() and not {"/", "\\"} & set(name)
    return is_plain and len(name.encode(errors="replace")) <= _LONGEST


@dataclass(frozen=True)
class Workspace:
    """The folders of a workspace (warehouse, metastore, mlflow, dagster, feast, logs, locks) and its addresses."""

    settings: Settings

    @property
    def home(self) -> Path:
        """Root of everything that a workspace keeps."""
        return self.settings.home

    def close(self) -> None:
        """Make the home, or close one that is there, to all but its owner, or to all but the group of the settings.

        Raises:
            SettingsError: there is no such group, or this process is not in it.
            ServiceError: the home is another user's, or cannot be closed.
        """
        close(self.home, self.settings.group)

    def folder(self, name: str) -> Path:
        """A folder of the home, made if it is not there; see `close` for the home."""
        self.close()
        folder = self.home / name
        folder.mkdir(exist_ok=True)
        return folder

    @property
    def warehouse(self) -> str:
        """Root of the tables, a path or URI without a slash at the end.

        Raises:
            SettingsError: delta-rs cannot read tables below such a path.
        """
        root = (self.settings.warehouse or str(self.home / "warehouse")).rstrip("/")
        if "://" not in root and _DECODED.search(root):
            raise SettingsError(
                f"the warehouse {root} has a `%` before two hexadecimal digits or a backslash in its path, which the "
                f"readers of Delta take for something else. Set LAKEHOUSE_HOME or LAKEHOUSE_WAREHOUSE to another path, "
                f"such as /srv/lakehouse."
            )
        return root

    @property
    def local_warehouse(self) -> Path | None:
        """The warehouse as a folder; None if it is in an object store."""
        return local_folder(self.warehouse)

    def table_path(self, name: str) -> str:
        """Where the files of `layer.entities` are.

        Raises:
            LakehouseError: the name is no folder in a folder of the warehouse.
        """
        layer, _, entity = name.partition(".")
        if not (_is_folder(layer) and _is_folder(entity)):
            raise LakehouseError(f"{name!a} is no table. Expected layer.entities.")
        return f"{self.warehouse}/{layer}/{entity}"

    @property
    def expectations(self) -> Path:
        """Folder of the suites."""
        return self.settings.project / "expectations"

    @property
    def logs(self) -> Path:
        """Folder of the servers' logs."""
        return self.home / "logs"

    @property
    def services_file(self) -> Path:
        """Addresses, pids and tokens of what was started here (mode 0600)."""
        return self.home / "services.json"

    def services(self) -> dict[str, dict[str, Any]]:
        """What was started here, by name; nothing when nothing was.

        Each value has `port`, `pid` and, for `spark`, `token`.

        Raises:
            ServiceError: another user has started it.
        """
        try:
            return dict(json.loads(self.services_file.read_text()))
        except FileNotFoundError:
            return {}
        except PermissionError as error:
            raise ServiceError(
                f"what is up in {self.home} is known to the user who started it alone. Have that user name you its "
                f"engine, for LAKEHOUSE_SPARK__REMOTE and LAKEHOUSE_METASTORE__URI, or work as that user."
            ) from error

    def write_services(self, services: dict[str, dict[str, Any]]) -> None:
        """Replace the services file in one step, readable by its owner alone."""
        write_private_json(self.services_file, services)

    def _address(self, name: str, given: str | None) -> str:
        if given:
            return given
        service = self.services().get(name)
        if service is None:
            part = {"trino": " sql", "mlflow": " ui", "dagster": " ui"}.get(name, "")
            raise ServiceError(
                f"{name} is not up in {self.home}. Run `lakehouse up{part}`, or name an existing one by a setting "
                f"(`lakehouse doctor` lists them)."
            )
        return URLS[name].format(**service)

    @property
    def spark_remote(self) -> str:
        """Spark Connect URL with its token: a secret, never printed.

        Raises:
            ServiceError: none is up and none is named in the settings.
        """
        given = self.settings.spark.remote
        return self._address("spark", given.get_secret_value() if given else None)

    @property
    def metastore_uri(self) -> str:
        """Thrift URI of the metastore."""
        return self._address("metastore", self.settings.metastore.uri)

    @property
    def trino_url(self) -> str:
        """HTTP address of Trino; the workspace's own speaks TLS alone."""
        return self._address("trino", self.settings.trino.url)

    @property
    def mlflow_url(self) -> str:
        """HTTP address of the MLflow server."""
        return self._address("mlflow", self.settings.mlflow.url)

    @property
    def mlflow_store(self) -> str:
        """Tracking URI for clients: the server where one is named or up, else the workspace's own SQLite store."""
        if self.settings.mlflow.url or "mlflow" in self.services():
            return self.mlflow_url
        return f"sqlite:///{self.home / 'mlflow' / 'mlflow.db'}"

    @property
    def dagster_url(self) -> str:
        """HTTP address of the Dagster web server."""
        return self._address("dagster", self.settings.dagster.url)


def current_workspace() -> Workspace:
    """The workspace that the settings of this process name."""
    from lakehouse.settings import load

    return Workspace(load())
