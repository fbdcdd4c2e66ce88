"""What belongs to a workspace: which services to start, which are somebody else's, and their descriptions."""

from collections.abc import Iterable, Mapping

from lakehouse.errors import ServiceError
from lakehouse.services.java import aot, jars, java
from lakehouse.services.java.runtime import Runtime
from lakehouse.services.servers import dagster, disk, metastore, mlflow, spark, trino
from lakehouse.services.supervise import lease_keeper
from lakehouse.services.supervise.spec import Address, ServiceSpec
from lakehouse.settings import Settings
from lakehouse.workspace import URLS, Workspace

BASE = ("metastore", "spark")
PARTS = {"ui": ("mlflow", "dagster", "daemon"), "sql": ("trino",)}


def url(name: str, address: Address) -> str:
    """Where a service of the workspace is reached. That of Spark holds its token."""
    return URLS[name].format(port=address.port, token=address.token)


def external(settings: Settings) -> dict[str, str]:
    """The services that the settings name as somebody else's, with their addresses."""
    named = {
        "metastore": settings.metastore.uri,
        "spark": settings.spark.remote.get_secret_value() if settings.spark.remote else None,
        "trino": settings.trino.url,
        "mlflow": settings.mlflow.url,
        "dagster": settings.dagster.url,
    }
    return {name: address for name, address in named.items() if address}


def services(settings: Settings, parts: Iterable[str]) -> list[str]:
    """The services that this workspace starts itself, in the order of their start.

    Raises:
        ServiceError: there is no such part, or Trino has no metastore to read.
    """
    parts = tuple(parts)
    for part in parts:
        if part not in PARTS:
            raise ServiceError(f"there is no part `{part}` to start: `lakehouse up [{'] ['.join(PARTS)}]`.")
    theirs = external(settings)
    base = (
        () if "spark" in theirs else (lease_keeper.NAME, *BASE)
    )  # the metastore that somebody else's engine uses is theirs as well
    if "sql" in parts and "spark" in theirs and not theirs.keys() & {"metastore", "trino"}:
        raise ServiceError(
            "LAKEHOUSE_SPARK__REMOTE names an engine, but not which metastore it uses: Trino cannot be started on it. "
            "Set LAKEHOUSE_METASTORE__URI, for example thrift://host:9083, or LAKEHOUSE_TRINO__URL."
        )
    names = [*base, *(name for part in PARTS for name in PARTS[part] if part in parts)]
    without = theirs.keys() | ({"daemon"} if "dagster" in theirs else set())
    without |= set() if lease_keeper.is_needed(settings.warehouse or "") else {lease_keeper.NAME}
    return [name for name in names if name not in without]


def runtime(settings: Settings, name: str) -> Runtime:
    """What the metastore or the engine runs on. Makes or fetches what the cache does not have."""
    jvm = java.find(settings)
    file_system = disk.file_system_jar(settings, jvm)
    if name == "metastore":
        return Runtime(jvm, (metastore.main_jar(settings, jvm), file_system))
    delta = jars.fetch(settings, "delta").glob("*.jar")
    return Runtime(jvm, (*delta, spark.log_store_jar(settings, jvm), file_system))


def specs(workspace: Workspace, names: Iterable[str], addresses: Mapping[str, Address]) -> list[ServiceSpec]:
    """The descriptions of these services. Fetches what they need and the cache does not have."""
    settings = workspace.settings
    catalogue = settings.metastore.uri or (url("metastore", addresses["metastore"]) if "metastore" in addresses else "")

    def describe(name: str) -> ServiceSpec:
        match name:
            case "metastore":
                return metastore.spec(workspace, aot.applied(settings, name, runtime(settings, name)), addresses[name])
            case "spark":
                applied = aot.applied(settings, name, runtime(settings, name))
                return spark.spec(workspace, applied, addresses[name], catalogue)
            case "trino":
                return trino.spec(workspace, java.find(settings), addresses[name], catalogue)
            case "mlflow":
                return mlflow.spec(workspace, addresses[name])
            case "dagster":
                return dagster.web_spec(workspace, addresses[name])
            case _:
                return dagster.daemon_spec(workspace)

    return [describe(name) for name in names]
