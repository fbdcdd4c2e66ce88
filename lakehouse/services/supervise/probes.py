"""Whether a service answers a real question, be it started here or somebody else's."""

import json
import urllib.request
from collections.abc import Callable
from typing import Any

from lakehouse.errors import ServiceError
from lakehouse.services.supervise import wire
from lakehouse.settings import Settings
from lakehouse.sql.trino_access import http_session
from lakehouse.workspace import Workspace

_CORE_FREE_SECONDS = 10
Probe = Callable[[str, Settings, float], None]


def spark(url: str, settings: Settings, timeout: float) -> None:
    """The engine reaches its catalogue and computes, or has no core free to show it."""
    wire.ask_spark(url, "show databases", timeout=timeout)
    engine(url, settings, timeout)


def engine(url: str, _: Settings, timeout: float) -> None:
    """The engine computes, or has no core free to show it; its catalogue is not asked."""
    wire.ask_spark(url, "select 1", timeout=timeout)  # answered without a core, by an engine that lives
    wire.spark_computes(url, within=min(timeout, _CORE_FREE_SECONDS), timeout=timeout)


def metastore(url: str, _: Settings, timeout: float) -> None:
    """The catalogue lists its databases."""
    wire.ask_metastore(url, timeout=timeout)


def trino(url: str, settings: Settings, timeout: float) -> None:
    """Trino has a node that scans: for some seconds after its start it has none, and says NO_NODES_AVAILABLE."""
    query = f'select count(*) from "{settings.trino.catalog}".information_schema.schemata'
    try:
        with http_session(Workspace(settings)) as session:
            session.headers["X-Trino-User"] = settings.trino.user
            page = session.post(f"{url}/v1/statement", data=query.encode(), timeout=timeout).json()
            while "nextUri" in page and "error" not in page:
                page = session.get(page["nextUri"], timeout=timeout).json()
    except (OSError, ValueError) as error:
        raise ServiceError(f"{url} does not answer as it should: {error}") from error
    if "error" in page:
        raise ServiceError(f"Trino at {url}: {page['error']['message']}")


def mlflow(url: str, _: Settings, timeout: float) -> None:
    """The registry searches its experiments."""
    get_json(f"{url}/api/2.0/mlflow/experiments/search", timeout, body=b'{"max_results": 1}')


def dagster(url: str, _: Settings, timeout: float) -> None:
    """The web server tells its version."""
    get_json(f"{url}/server_info", timeout)


def get_json(url: str, timeout: float, *, body: bytes | None = None) -> dict[str, Any]:
    """Ask over HTTP and read the JSON that comes.

    Raises:
        ServiceError: nothing answers there, or not with JSON.
    """
    if not url.startswith(("http://", "https://")):
        raise ServiceError(f"{url} is not an http address.")
    try:
        request = urllib.request.Request(url, data=body, headers={"Content-Type": "application/json"})  # noqa: S310 - http, see above
        with urllib.request.urlopen(request, timeout=timeout) as answer:  # noqa: S310 - http, see above
            told: dict[str, Any] = json.load(answer)
            return told
    except (OSError, ValueError) as error:
        raise ServiceError(f"{url} does not answer as it should: {error}") from error


PROBES: dict[str, Probe] = {
    "spark": spark,
    "metastore": metastore,
    "trino": trino,
    "mlflow": mlflow,
    "dagster": dagster,
}

# Whether the service itself is well, whatever another one that it needs is like.
OWN_PROBES: dict[str, Probe] = {**PROBES, "spark": engine}
