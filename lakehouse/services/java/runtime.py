"""What a JVM server runs on: the Java, the jars in their order, the AOT cache."""

from dataclasses import dataclass
from pathlib import Path

from lakehouse.services.java.ivy import pyspark_home
from lakehouse.services.java.java import Java


@dataclass(frozen=True)
class Runtime:
    """What a JVM server runs on.

    Args:
        java: The JVM.
        extras: Jars beside those that pyspark ships.
        aot: The flags that use or make an AOT cache.
        unsigned: Copies without signatures of jars that pyspark ships signed: an AOT cache skips signed ones.
    """

    java: Java
    extras: tuple[Path, ...]
    aot: tuple[str, ...] = ()
    unsigned: tuple[Path, ...] = ()


def class_path(runtime: Runtime) -> list[Path]:
    """The jars of pyspark and the extras, in the order that an AOT cache relies on: slf4j-api first, extras last."""
    copies = {jar.name: jar for jar in runtime.unsigned}
    shipped = [copies.get(jar.name, jar) for jar in sorted((pyspark_home() / "jars").glob("*.jar"))]
    first = [jar for jar in shipped if jar.name.startswith("slf4j-api")]
    return [*first, *(jar for jar in shipped if jar not in first), *sorted(runtime.extras)]
