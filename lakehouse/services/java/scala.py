"""Scala of our own for the JVM servers: compiled once per user, by the compiler that pyspark ships."""

import hashlib
import subprocess
import tempfile
from pathlib import Path

from lakehouse.errors import ServiceError
from lakehouse.locks.private_lock import private_lock
from lakehouse.services.java.ivy import pyspark_home
from lakehouse.services.java.java import Java
from lakehouse.settings import Settings


def jar_of(settings: Settings, java: Java, source: Path, beside: tuple[Path, ...] = ()) -> Path:
    """The jar of one Scala file, kept in the cache under a name that changes with what it is made of.

    Args:
        settings: Name the cache.
        java: What the compiler runs on.
        source: The file.
        beside: Jars that it is compiled against, beside those that pyspark ships.

    Raises:
        ServiceError: it cannot be compiled.
    """
    origin = [source.read_bytes(), str(pyspark_home()).encode(), *(str(jar).encode() for jar in sorted(beside))]
    digest = hashlib.sha256(b"\n".join(origin)).hexdigest()[:12]
    jar = settings.cache / "scala" / f"{source.stem}-{digest}.jar"
    if jar.exists():
        return jar
    with private_lock(jar.with_suffix(".lock")), tempfile.TemporaryDirectory(dir=jar.parent) as draft:
        if jar.exists():
            return jar
        made = Path(draft) / jar.name
        path = ":".join([f"{pyspark_home()}/jars/*", *(str(jar) for jar in sorted(beside))])
        compiler = (str(java.program), "-cp", path, "scala.tools.nsc.Main", "-usejavacp")
        done = subprocess.run(  # noqa: S603 - our own words
            [*compiler, "-nowarn", "-d", str(made), str(source)], capture_output=True, text=True, check=False
        )
        if done.returncode != 0 or not made.exists():
            raise ServiceError(f"{source} cannot be compiled:\n{(done.stderr or done.stdout).strip()[-1000:]}")
        made.replace(jar)
    return jar
