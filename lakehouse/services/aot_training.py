"""Makes the AOT caches, once per machine, in the background: `python -m lakehouse.services.aot_training`, run by `up`.

It waits for a quiet machine, works on throwaway servers at the lowest priority, and may be ended at any time: a cache
appears under its name when it is whole. `lakehouse down` ends it.
"""

import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import psutil

from lakehouse.errors import LakehouseError, ServiceError
from lakehouse.locks.private_lock import private_lock
from lakehouse.rights import umask_of
from lakehouse.services import roster
from lakehouse.services.java import aot
from lakehouse.services.servers import spark
from lakehouse.services.servers.metastore import spec as metastore_spec
from lakehouse.services.supervise import ports
from lakehouse.services.supervise.guard import guard
from lakehouse.services.supervise.launch import of_workspace
from lakehouse.services.supervise.probes import PROBES
from lakehouse.services.supervise.spec import Address, ServiceSpec
from lakehouse.settings import Settings, load
from lakehouse.storage import write_private_json
from lakehouse.workspace import Workspace

NEEDED_BYTES = 3_000_000_000
_UNUSED_SECONDS = 30 * 24 * 3600
_QUIET_PERCENT, _PATIENCE_SECONDS = 40, 3600
_READY_WITHIN_SECONDS, _WRITTEN_WITHIN_SECONDS = 300, 900


def missing(settings: Settings) -> list[str]:
    """The services whose cache is to be made."""
    return [name for name in roster.BASE if aot.is_missing(settings, name, roster.runtime(settings, name))]


def launch(workspace: Workspace) -> None:
    """Start the training in the background, where it is needed and the machine has room for it."""
    theirs = roster.external(workspace.settings).keys() & set(roster.BASE)
    if theirs or not missing(workspace.settings) or psutil.virtual_memory().available < NEEDED_BYTES:
        return
    with (workspace.logs / "aot.log").open("a") as log:
        subprocess.Popen(  # noqa: S603 - our own words
            [sys.executable, "-m", __name__],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=workspace.home,
            env=of_workspace(workspace),
            start_new_session=True,
            umask=umask_of(None),
        )


def train(settings: Settings) -> None:
    """Make the caches that are missing. Does nothing where another process is at it.

    Raises:
        ServiceError: a server did not start, or wrote no cache.
    """
    from filelock import Timeout

    home = settings.cache / "aot"
    home.mkdir(parents=True, exist_ok=True)
    try:
        with private_lock(home / "training.lock", timeout=0):
            for abandoned in home.glob(".work-*"):
                shutil.rmtree(abandoned)
            names = missing(settings)
            if names:
                with tempfile.TemporaryDirectory(prefix=".work-", dir=home) as folder:
                    _train(settings.model_copy(update={"home": Path(folder), "warehouse": None}), names)
    except Timeout:
        print("another process makes the caches")


def _train(settings: Settings, names: list[str]) -> None:
    workspace = Workspace(settings)
    homes = {name: aot.folder(settings, name, roster.runtime(settings, name)) for name in roster.BASE}
    with ExitStack() as stack:
        running: dict[str, subprocess.Popen[bytes]] = {}
        addresses: dict[str, Address] = {}
        for name in roster.BASE:
            taken = {address.port for address in addresses.values()}
            addresses[name] = Address(ports.choose(taken), secrets.token_hex(16) if name == "spark" else None)
            trained = roster.runtime(settings, name)
            trained = aot.training(trained, homes[name]) if name in names else aot.applied(settings, name, trained)
            if name == "metastore":
                spec = metastore_spec(workspace, trained, addresses[name])
            else:
                spec = spark.spec(workspace, trained, addresses[name], roster.url("metastore", addresses["metastore"]))
            running[name] = _start(spec, workspace.home)
            stack.callback(_kill, running[name])
        for name in roster.BASE:
            _await(name, roster.url(name, addresses[name]), settings, running[name])
        _work(roster.url("spark", addresses["spark"]), workspace.home)
        for name in reversed(roster.BASE):  # each writes its cache as it ends
            running[name].terminate()
            running[name].wait(_WRITTEN_WITHIN_SECONDS)
    for name in names:
        draft = homes[name] / aot.DRAFT
        if not draft.is_file():
            raise ServiceError(f"{name} wrote no AOT cache. It works without. See logs/aot.log.")
        draft.replace(homes[name] / aot.FILE)
        print(f"{homes[name] / aot.FILE}: {(homes[name] / aot.FILE).stat().st_size / 1e6:.0f} MB")
        _drop_unused(homes[name], name)


def _drop_unused(kept: Path, name: str) -> None:
    """Remove the caches of this service that no server has read for long: of jars or a JVM that are no longer there."""
    for home in kept.parent.glob(f"{name}-*"):
        cache = home / aot.FILE
        if home != kept and cache.is_file() and time.time() - cache.stat().st_atime > _UNUSED_SECONDS:
            shutil.rmtree(home)


def _start(spec: ServiceSpec, home: Path) -> "subprocess.Popen[bytes]":
    spec.write_files()
    launch_file = home / f"{spec.name}.json"
    write_private_json(launch_file, spec.launch())
    return subprocess.Popen([sys.executable, "-m", "lakehouse.services.supervise.launch", str(launch_file)])  # noqa: S603 - ours


def _kill(running: "subprocess.Popen[bytes]") -> None:
    if running.poll() is None:
        for child in psutil.Process(running.pid).children(recursive=True):
            child.kill()
        running.kill()
        running.wait()


def _await(name: str, url: str, settings: Settings, running: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + _READY_WITHIN_SECONDS
    while True:
        try:
            return PROBES[name](url, settings, 60)
        except ServiceError:
            if running.poll() is not None or time.monotonic() > deadline:
                raise
            time.sleep(1)  # a process gives no sign when it begins to listen


def _work(url: str, folder: Path) -> None:
    from pyspark.sql import SparkSession

    from lakehouse.services.java.aot_work import typical_work

    guard()
    session = SparkSession.builder.remote(url).create()
    try:
        typical_work(session, folder)
    finally:
        session.stop()


def _await_quiet() -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline and psutil.cpu_percent(interval=5) > _QUIET_PERCENT:
        pass  # cpu_percent has waited


def main() -> None:
    """Wait for a quiet machine and make the caches."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    os.nice(19)
    try:
        _await_quiet()
        train(load())
    except (LakehouseError, subprocess.SubprocessError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
