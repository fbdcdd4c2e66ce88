"""The AOT caches: what a JVM of Java 25 remembers of an earlier run, so that it starts in half the time.

One for each service, JVM and list of jars. A cache that does not fit is ignored by the JVM, with a line in the log.
"""

import hashlib
import zipfile
from pathlib import Path

from lakehouse.services.java.runtime import Runtime, class_path
from lakehouse.settings import Settings

OLDEST_JAVA = 25
FILE, DRAFT = "cache.aot", "draft.aot"
# Signed jars of pyspark's: the JVM leaves their classes out of a cache.
_SIGNED = ("janino-", "commons-compiler-")


def folder(settings: Settings, service: str, runtime: Runtime) -> Path:
    """Where the cache of a service is kept, and the unsigned jars that go with it."""
    seen = [f"{runtime.java.program} {runtime.java.program.stat().st_mtime_ns}"]
    for jar in class_path(runtime):
        told = jar.stat()
        seen.append(f"{jar} {told.st_size} {told.st_mtime_ns}")
    return settings.cache / "aot" / f"{service}-{hashlib.sha256(chr(10).join(seen).encode()).hexdigest()[:12]}"


def is_missing(settings: Settings, service: str, runtime: Runtime) -> bool:
    """Whether a cache is to be made: it is wanted, possible, and not there."""
    return (
        settings.aot == "auto"
        and is_possible(settings, runtime)
        and not (folder(settings, service, runtime) / FILE).is_file()
    )


def is_possible(settings: Settings, runtime: Runtime) -> bool:
    """Whether a cache may be used and this Java can."""
    return settings.aot != "off" and settings.spark.profile == "tuned" and runtime.java.major >= OLDEST_JAVA


def applied(settings: Settings, service: str, runtime: Runtime) -> Runtime:
    """The runtime with the cache of its service, where there is one and it is wanted."""
    if not is_possible(settings, runtime):
        return runtime
    home = folder(settings, service, runtime)
    cache = home / FILE
    if not cache.is_file():
        return runtime
    return Runtime(runtime.java, runtime.extras, (f"-XX:AOTCache={cache}",), _unsigned(home))


def training(runtime: Runtime, home: Path) -> Runtime:
    """The runtime that makes a cache in `home`, under the name of a draft, when it ends."""
    home.mkdir(parents=True, exist_ok=True)
    output = (f"-XX:AOTCacheOutput={home / DRAFT}",)
    return Runtime(runtime.java, runtime.extras, output, _without_signatures(runtime, home))


def _unsigned(home: Path) -> tuple[Path, ...]:
    return tuple(sorted(home.glob("*.jar")))


def _without_signatures(runtime: Runtime, home: Path) -> tuple[Path, ...]:
    copies = []
    for jar in class_path(runtime):
        if jar.name.startswith(_SIGNED):
            with zipfile.ZipFile(jar) as signed, zipfile.ZipFile(home / jar.name, "w") as plain:
                for entry in signed.infolist():
                    if not entry.filename.upper().endswith((".SF", ".DSA", ".RSA")):
                        plain.writestr(entry, signed.read(entry))
            copies.append(home / jar.name)
    return tuple(copies)
