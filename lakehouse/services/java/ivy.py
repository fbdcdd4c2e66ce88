"""Runs the Ivy that pyspark ships, to bring files from the repository, or from the mirror of an Ivy settings file."""

import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from lakehouse.errors import DownloadError
from lakehouse.services.java import java, truststore
from lakehouse.settings import Settings

STALLED_AFTER_SECONDS = 120
POLL_SECONDS = 0.2

# What Ivy prints for a cause, and what we say and advise instead. The first that is found counts.
_CAUSES = (
    ("No space left on device", "the disk is full. Free some space, or name another cache by LAKEHOUSE_CACHE"),
    (
        "PKIX path building failed",
        "its certificate is not trusted. Name the machine's PEM bundle by LAKEHOUSE_TRUSTSTORE or SSL_CERT_FILE",
    ),
    (
        "Server access error",
        "the repository cannot be reached. Check the network; where only a mirror can be reached, name an Ivy settings "
        "file by LAKEHOUSE_IVY_SETTINGS",
    ),
    (
        "UNRESOLVED DEPENDENCIES",
        "the repository does not answer or does not have it. Check the network; where only a mirror can be reached, "
        "name an Ivy settings file by LAKEHOUSE_IVY_SETTINGS",
    ),
)


def pyspark_home() -> Path:
    """The installed pyspark package, found without importing it."""
    from importlib.util import find_spec

    spec = find_spec("pyspark")
    if spec is None or spec.origin is None:
        raise DownloadError("pyspark is not installed in this environment. Run `make setup`.")
    return Path(spec.origin).parent


def bring(settings: Settings, *, use: str, module: Path, into: Path, tell: Callable[[int], None]) -> None:
    """Download the files of one configuration of `module` (an `ivy.xml`) somewhere below `into`.

    Raises:
        DownloadError: the files could not be fetched; the message says why and what to do.
    """
    log = into / "ivy.log"
    # Ivy's own home is turned away from the user's: what lies in ~/.ivy2 must not decide what we get.
    command = [
        str(java.find(settings).program),
        *truststore.flags(settings),
        f"-Divy.default.ivy.user.dir={into}",
        "-cp",
        f"{pyspark_home()}/jars/*",
        "org.apache.ivy.Main",
        *(["-settings", str(settings.ivy_settings)] if settings.ivy_settings else []),
        *("-ivy", str(module), "-confs", use, "-cache", str(into / "files")),
    ]
    with log.open("w") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)  # noqa: S603 - our own words
        try:
            _wait(process, into, tell)
        finally:
            process.kill()
            process.wait()
    if process.returncode != 0:
        raise DownloadError(f"the files for `{use}` could not be fetched: {_cause(log.read_text(errors='replace'))}.")


def _wait(process: subprocess.Popen[bytes], into: Path, tell: Callable[[int], None]) -> None:
    seen, since = -1, time.monotonic()
    while True:
        try:
            process.wait(POLL_SECONDS)
            return
        except subprocess.TimeoutExpired:
            there = _bytes_below(into)
            tell(there)
            if there != seen:
                seen, since = there, time.monotonic()
            elif time.monotonic() - since > STALLED_AFTER_SECONDS:
                raise DownloadError(
                    f"no byte came from the repository for {STALLED_AFTER_SECONDS} s. Check the network, or name an "
                    f"Ivy settings file for a mirror by LAKEHOUSE_IVY_SETTINGS, and run it again."
                ) from None


def _bytes_below(folder: Path) -> int:
    total = 0
    for file in folder.rglob("*"):
        try:
            total += file.stat().st_size if file.is_file() else 0
        except FileNotFoundError:  # Ivy renamed it meanwhile
            continue
    return total


def _cause(log: str) -> str:
    for sign, advice in _CAUSES:
        if sign in log:
            return advice
    said = [line.strip() for line in log.splitlines() if line.strip()]
    return "Ivy ended with: " + (" / ".join(said[-3:]) or "no message")
