"""The catalogue: the Hive Metastore that pyspark ships, on Derby."""

from xml.sax.saxutils import escape

from lakehouse.services.ivy import pyspark_home
from lakehouse.services.java import Java
from lakehouse.services.log4j import log4j2
from lakehouse.services.spec import Address, ServiceSpec
from lakehouse.workspace import Workspace


def spec(workspace: Workspace, java: Java, address: Address) -> ServiceSpec:
    """The metastore of a workspace."""
    folder = workspace.home / "metastore"
    conf = folder / "conf"
    return ServiceSpec(
        name="metastore",
        command=(
            str(java.program),
            # Serial collector and first compiler only: small, and up in 4 s.
            *("-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto"),
            f"-Dlog4j2.configurationFile={conf / 'log4j2.properties'}",
            f"-Dderby.system.home={folder}",
            *("-cp", f"{conf}:{pyspark_home()}/jars/*"),
            *("org.apache.hadoop.hive.metastore.HiveMetaStore", "-p", str(address.port)),
        ),
        folder=folder,
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
