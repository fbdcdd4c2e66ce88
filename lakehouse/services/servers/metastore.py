"""The catalogue: the Hive Metastore that pyspark ships, on Derby; on loopback, for its owner and warehouse alone."""

from pathlib import Path
from xml.sax.saxutils import escape

from lakehouse.services.java.java import Java
from lakehouse.services.java.runtime import Runtime, class_path
from lakehouse.services.java.scala import jar_of
from lakehouse.services.servers.disk import disk_conf, file_system_jar
from lakehouse.services.servers.log4j import log4j2
from lakehouse.services.supervise.spec import Address, ServiceSpec
from lakehouse.settings import Settings
from lakehouse.workspace import Workspace

SOURCE = Path(__file__).with_name("LoopbackMetastore.scala")
_MAIN = "lakehouse.LoopbackMetastore"


def main_jar(settings: Settings, java: Java) -> Path:
    """The jar of `LoopbackMetastore.scala`.

    Raises:
        ServiceError: it cannot be compiled.
    """
    return jar_of(settings, java, SOURCE, beside=(file_system_jar(settings, java),))


def spec(workspace: Workspace, runtime: Runtime, address: Address) -> ServiceSpec:
    """The metastore of a workspace. `runtime.extras` holds its main class."""
    folder = workspace.home / "metastore"
    conf = folder / "conf"
    return ServiceSpec(
        name="metastore",
        command=(
            str(runtime.java.program),
            # Serial collector and first compiler only: small, and soon up.
            *("-Xmx256m", "-XX:+ExitOnOutOfMemoryError"),
            *("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", *runtime.aot),
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
                    # The default, BoneCP, is not shipped: a dropped database had no answer.
                    "datanucleus.connectionPoolingType": "DBCP",
                    # The asynchronous logger wants com.lmax.disruptor, which pyspark does not ship.
                    "hive.async.log.enabled": "false",
                    "hive.metastore.warehouse.dir": workspace.warehouse,
                    # Walls, in `LoopbackMetastore.scala`: what is deleted or moved on the disk, and how a drop is told.
                    **disk_conf(workspace.settings, "lakehouse.WarehouseFiles"),
                    "hive.metastore.fs.handler.class": "lakehouse.WarehouseDeletion",
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
