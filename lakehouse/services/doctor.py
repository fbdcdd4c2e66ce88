"""What is missing on this machine and how to get it."""

import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lakehouse.errors import LakehouseError
from lakehouse.services import roster
from lakehouse.services.java import jars, java, truststore
from lakehouse.services.servers import trino
from lakehouse.services.status import ServiceStatus, status
from lakehouse.services.supervise import peers, supervisor
from lakehouse.workspace import Workspace

_NEEDED_BYTES = 2_000_000_000
_PARTS = {name: f" {part}" for part, names in roster.PARTS.items() for name in names}
_SETTINGS = {
    "metastore": "LAKEHOUSE_METASTORE__URI",
    "spark": "LAKEHOUSE_SPARK__REMOTE",
    "trino": "LAKEHOUSE_TRINO__URL",
    "mlflow": "LAKEHOUSE_MLFLOW__URL",
    "dagster": "LAKEHOUSE_DAGSTER__URL",
}


@dataclass(frozen=True)
class Finding:
    """One check: what was looked at, whether it is well, what was found, and what to do where it is not."""

    name: str
    ok: bool
    found: str
    remedy: str = ""


def examine(workspace: Workspace) -> list[Finding]:
    """All checks. Starts nothing and fetches nothing."""
    checks: list[Callable[[Workspace], Finding]] = [
        _python,
        _java,
        _delta_jars,
        _trino_server,
        _certificates,
        _disk,
        _home,
        _other_users,
    ]
    return [*(_guarded(check, workspace) for check in checks), *(_service(entry) for entry in status(workspace))]


def _guarded(check: Callable[[Workspace], Finding], workspace: Workspace) -> Finding:
    try:
        return check(workspace)
    except (LakehouseError, OSError) as error:
        return Finding(check.__name__.strip("_").replace("_", " "), False, "cannot be used", str(error))


def _python(_: Workspace) -> Finding:
    interpreter = f"{sys.version.split()[0]} at {sys.executable}"
    return Finding(
        "python", sys.version_info >= (3, 11), interpreter, "Install Python 3.11, 3.12 or 3.13 and run `make setup`."
    )


def _java(workspace: Workspace) -> Finding:
    runtime = java.find(workspace.settings)
    return Finding("java", True, f"{runtime.major} at {runtime.program}")


def _delta_jars(workspace: Workspace) -> Finding:
    return _cached(workspace, "delta", "delta jars", "they are fetched by the first `lakehouse up` (13 MB)")


def _trino_server(workspace: Workspace) -> Finding:
    home = trino.installed(workspace.settings)
    if home.is_dir():
        return Finding("trino server", True, str(home))
    return Finding("trino server", True, "not there yet; it is fetched by the first `lakehouse up sql` (821 MB)")


def _cached(workspace: Workspace, use: str, name: str, absent: str) -> Finding:
    folder = jars.folder(workspace.settings, use)
    if jars.complete(folder, use):
        return Finding(name, True, f"{folder}, digests as expected")
    return Finding(name, True, f"not there yet; {absent}")


def _certificates(workspace: Workspace) -> Finding:
    flags = truststore.flags(workspace.settings)
    bundle = workspace.settings.truststore or workspace.settings.ssl_cert_file
    return Finding("certificates", True, f"from {bundle}" if flags else "Java's own")


def _disk(workspace: Workspace) -> Finding:
    places = {"workspace": workspace.home, "cache": workspace.settings.cache}
    free = {name: shutil.disk_usage(_existing(path)).free for name, path in places.items()}
    space = ", ".join(f"{amount / 1e9:,.1f} GB free for the {name}" for name, amount in free.items())
    return Finding(
        "disk", min(free.values()) > _NEEDED_BYTES, space, "Free 2 GB, or set LAKEHOUSE_HOME or LAKEHOUSE_CACHE."
    )


def _existing(path: Path) -> Path:
    return next(parent for parent in (path.absolute(), *path.absolute().parents) if parent.exists())


def _home(workspace: Workspace) -> Finding:
    place = f"{workspace.home}, supervisor's socket at {supervisor.socket_path(workspace)}"
    return Finding("workspace", True, place)


def _other_users(workspace: Workspace) -> Finding:
    """What other users of this machine get. No remedy mends a system that cannot tell users apart: it is said."""
    ours, is_told = roster.services(workspace.settings, ()), peers.can_tell()
    if "metastore" not in ours:
        serves = "the metastore is somebody else's: whom it serves is theirs to say"
    elif is_told:
        serves = "the metastore serves its owner alone"
    else:
        serves = "the metastore serves every user of this machine, who could change and drop its tables"
    sent = "is sent to its owner's listener alone" if is_told else "is sent to whoever listens at its port"
    system = "" if is_told else "; this system does not say whose a connection is: safe where you are its only user"
    return Finding("other users", True, f"{serves}; the engine's token {sent}{system}")


def _service(entry: ServiceStatus) -> Finding:
    state = f"{entry.state} {entry.address or ''}".strip()
    if entry.state == "down":
        state += f"; started by `lakehouse up{_PARTS.get(entry.name, '')}`"
        state += f", or named as somebody else's by {_SETTINGS[entry.name]}" if entry.name in _SETTINGS else ""
    if entry.is_healthy or entry.state in {"down", "starting"}:
        return Finding(entry.name, True, state)
    remedy = entry.note or f"See `lakehouse logs {entry.name}`."
    return Finding(entry.name, False, state, remedy)
