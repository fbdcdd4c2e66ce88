"""The disk as the JVM servers see it."""

from pathlib import Path

from lakehouse.services.java.java import Java
from lakehouse.services.java.scala import jar_of
from lakehouse.settings import Settings

SOURCE = Path(__file__).with_name("DiskFileSystem.scala")

# For Hadoop. Its own file system starts a program twice for each file: 200 small files take 1.6 times as long by it
# (`python -m benchmarks files`).
DISK_CONF = {"fs.file.impl": "lakehouse.DiskFileSystem"}


def file_system_jar(settings: Settings, java: Java) -> Path:
    """The jar of `DiskFileSystem.scala`.

    Raises:
        ServiceError: it cannot be compiled.
    """
    return jar_of(settings, java, SOURCE)
