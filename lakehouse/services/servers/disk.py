"""The disk as the JVM servers see it."""

from pathlib import Path

from lakehouse.rights import umask_of
from lakehouse.services.java.java import Java
from lakehouse.services.java.scala import jar_of
from lakehouse.settings import Settings

SOURCE = Path(__file__).with_name("DiskFileSystem.scala")

CLASS = "lakehouse.DiskFileSystem"


def disk_conf(settings: Settings, file_system: str = CLASS) -> dict[str, str]:
    """What Hadoop is told of the disk.

    Its own file system starts a program twice for each file: 200 small files take 1.6 times as long by it
    (`python -m benchmarks files`). It has an umask of its own, 022, and sets the mode of what it makes by that.

    Args:
        settings: Their group may reach what is made.
        file_system: The class that the disk is seen by.
    """
    return {"fs.file.impl": file_system, "fs.permissions.umask-mode": f"{umask_of(settings.group):03o}"}


def file_system_jar(settings: Settings, java: Java) -> Path:
    """The jar of `DiskFileSystem.scala`.

    Raises:
        ServiceError: it cannot be compiled.
    """
    return jar_of(settings, java, SOURCE)
