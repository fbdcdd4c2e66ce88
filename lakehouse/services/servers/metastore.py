"""The catalogue: the Hive Metastore that pyspark ships, on Derby, listening on loopback alone."""

import hashlib
import subprocess
import tempfile
from pathlib import Path
from xml.sax.saxutils import escape

from lakehouse.errors import ServiceError
from lakehouse.services.java.ivy import pyspark_home
from lakehouse.services.java.java import Java
from lakehouse.services.java.runtime import Runtime, class_path
from lakehouse.services.servers.log4j import log4j2
from lakehouse.services.supervise.spec import Address, ServiceSpec
from lakehouse.settings import Settings
from lakehouse.workspace import Workspace

SOURCE = Path(__file__).with_name("LoopbackMetastore.scala")
_MAIN = "lakehouse.LoopbackMetastore"


def main_jar(settings: Settings, java: Java) -> Path:
    """The jar of `LoopbackMetastore.scala`, compiled once per user and kept in the cache.

    Raises:
        ServiceError: it cannot be compiled.
    """
    from filelock import FileLock

    origin = SOURCE.read_bytes() + str(pyspark_home()).encode()
    jar = settings.cache / "metastore" / f"main-{hashlib.sha256(origin).hexdigest()[:12]}.jar"
    if jar.exists():
        return jar
    jar.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(jar.with_suffix(".lock")), tempfile.TemporaryDirectory(dir=jar.parent) as draft:
        made = Path(draft) / jar.name
        compiler = (str(java.program), "-cp", f"{pyspark_home()}/jars/*", "scala.tools.nsc.Main", "-usejavacp")
        done = subprocess.run(  # noqa: S603 - our own words
            [*compiler, "-nowarn", "-d", str(made), str(SOURCE)], capture_output=True, text=True, check=False
        )
        if done.returncode != 0 or not made.exists():
            raise ServiceError(f"{SOURCE} cannot be compiled:\n{(done.stderr or done.stdout).strip()[-1000:]}")
        made.replace(jar)
    return jar


def spec(workspace: Workspace, runtime: Runtime, address: Address) -> ServiceSpec:
    """The metastore of a workspace. `runtime.extras` holds its main class."""
    folder = workspace.home / "metastore"
    conf = folder / "conf"
    return ServiceSpec(
        name="metastore",
        command=(
            str(runtime.java.program),
            # Serial collector and first compiler only: small, and soon up.
            *("-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", *runtime.aot),
            "--enable-native-access=ALL-UNNAMED",
            f"-Dlog4j2.configurationFile={conf / 'log4j2.properties'}",
            f"-Dderby.system.home={folder}",
            *("-cp", ":".join(str(jar) for jar in class_path(runtime))),
            *(_MAIN, str(address.port)),
        ),
        folder=folder,
        # Not on the class path: an AOT cache allows no folder there.
        env={"HIVE_CONF_DIR": str(conf)},
        files={
            conf / "hive-site.xml": _site(
                {
                    "javax.jdo.option.ConnectionURL": f"jdbc:derby:;databaseName={folder / 'db'};create=true",
                    "javax.jdo.option.ConnectionDriverName": "org.apache.derby.jdbc.EmbeddedDriver",
                    # pyspark ships no schema scripts: Derby's tables are made as they are needed.
                    "datanucleus.schema.autoCreateAll": "true",
                    "hive.metastore.schema.verification": "false",
                    # The asynchronous logger wants com.lmax.disruptor, which pyspark does not ship.
                    "hive.async.log.enabled": "false",
                    "hive.metastore.warehouse.dir": workspace.warehouse,
                }
            ),
            conf / "log4j2.properties": log4j2(),
        },
    )


def _site(properties: dict[str, str]) -> str:
    lines = "".join(
        f"  <property><name>{name}</name><value>{escape(value)}</value></property>\n"
        for name, value in properties.items()
    )
    return f"<configuration>\n{lines}</configuration>\n"
