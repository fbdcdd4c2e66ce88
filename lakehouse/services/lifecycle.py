"""`up` and `down`: what a workspace starts, when it is ready, and how it ends."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from queue import Queue
from threading import Event, Thread

import psutil

from lakehouse.declare.sql_text import create_database
from lakehouse.declare.table import ALL_LAYERS
from lakehouse.errors import ServiceError
from lakehouse.locks.private_lock import private_folder, private_lock
from lakehouse.rights import close, close_cache
from lakehouse.services import aot_training, ready, roster
from lakehouse.services.code_location import need_code_location
from lakehouse.services.servers import dagster
from lakehouse.services.supervise import addresses, lease_keeper, orphans, supervisor, wire
from lakehouse.workspace import Workspace


def up(workspace: Workspace, parts: Iterable[str], *, tell: Callable[[str], None]) -> None:
    """See `lakehouse.services.up`."""
    names = roster.services(workspace.settings, parts)
    _close(workspace, has_engine="spark" in names)
    with _held(workspace):
        if names:
            _end_unwatched(workspace)
        states = supervisor.states(workspace)
        missing = [name for name in names if name not in states or not states[name].wanted]
        epoch = lease_keeper.take(workspace, tell) if lease_keeper.NAME in missing else lease_keeper.epoch_of(workspace)
        befores = {name: ready.before(workspace, name, was_up=name not in missing) for name in names}
        try:
            if missing:
                supervisor.start(workspace)
                _start(workspace, missing, epoch, tell)
            _await(workspace, befores, epoch, tell)
        except BaseException:
            for name in missing:
                supervisor.halt(workspace, name)
            if lease_keeper.NAME in missing:
                lease_keeper.give_back(workspace, epoch)
            raise
        _create_layers(workspace)
        if missing:
            aot_training.launch(workspace)
        if "dagster" in names:
            need_code_location(workspace, was_up="dagster" not in missing)


def _close(workspace: Workspace, *, has_engine: bool) -> None:
    """Close the home and the cache to others; the warehouse too, if it lies elsewhere and our engine writes it.

    Raises:
        SettingsError: there is no such group, or this process is not in it.
        ServiceError: one of them is another user's, or cannot be closed.
    """
    workspace.close()
    close_cache(workspace.settings.cache)
    warehouse = workspace.local_warehouse
    if has_engine and warehouse is not None and not warehouse.is_relative_to(workspace.home):
        close(warehouse.resolve(), workspace.settings.group)


def down(workspace: Workspace, *, tell: Callable[[str], None]) -> None:
    """See `lakehouse.services.down`."""
    if not workspace.home.exists():
        return
    with _held(workspace):
        running = orphans.started_by(workspace.home)
        if running:
            tell(f"stopping {len(running)} processes")
        _withdraw_the_engine(workspace)
        supervisor.shut_down(workspace)
        psutil.wait_procs(running, timeout=orphans.GRACE_SECONDS)
        orphans.end(orphans.started_by(workspace.home))
        lease_keeper.give_back(workspace, lease_keeper.epoch_of(workspace))
        workspace.services_file.unlink(missing_ok=True)
        supervisor.socket_path(workspace).unlink(missing_ok=True)


def _withdraw_the_engine(workspace: Workspace) -> None:
    """Say that the engine is not up any more before it ends: who uses it then knows why, and waits no longer."""
    services = workspace.services()
    if services.pop("spark", None) is not None:
        workspace.write_services(services)


def _held(workspace: Workspace) -> AbstractContextManager[object]:
    """One `up` or `down` at a time: a second one waits.

    Raises:
        ServiceError: the workspace is another user's.
    """
    home = supervisor.folder(workspace)
    try:
        return private_lock(private_folder(home) / "up.lock")
    except PermissionError as error:
        raise ServiceError(
            f"{home} is another user's. Nothing was done. Work as its owner, or in a workspace of your own "
            f"(LAKEHOUSE_HOME)."
        ) from error


def _end_unwatched(workspace: Workspace) -> None:
    """Services that outlived their supervisor are unwatched: they end, to be started anew."""
    if not supervisor.answers(workspace):
        orphans.end(orphans.started_by(workspace.home))
        workspace.services_file.unlink(missing_ok=True)


def _start(workspace: Workspace, names: list[str], epoch: int | None, tell: Callable[[str], None]) -> None:
    if lease_keeper.NAME in names and epoch is not None:
        supervisor.run(workspace, lease_keeper.spec(workspace, epoch))
    servers = [name for name in names if name != lease_keeper.NAME]
    chosen = addresses.choose(workspace, servers)
    known = {**addresses.kept(workspace), **chosen}
    for spec in roster.specs(workspace, servers, known):
        if spec.name == "dagster":
            dagster.make_storage(workspace)
        tell(f"starting {spec.name}")
        lease = lease_keeper.file_of(workspace, epoch) if spec.name == "spark" and epoch is not None else ""
        supervisor.run(workspace, replace(spec, lease=lease))


def _await(
    workspace: Workspace, befores: Mapping[str, ready.Before], epoch: int | None, tell: Callable[[str], None]
) -> None:
    """Wait until all answer, and note in the services file what does. The first failure ends the wait."""
    known = addresses.kept(workspace)
    outcomes: Queue[tuple[str, int | Exception]] = Queue()
    enough = Event()

    def wait(name: str) -> None:
        try:
            pid = ready.wait(workspace, name, known.get(name), before=befores[name], enough=enough, tell=tell)
            outcomes.put((name, pid))
        except Exception as error:
            outcomes.put((name, error))

    for name in befores:
        Thread(target=wait, args=(name,), daemon=True).start()
    services = workspace.services()
    try:
        for _ in befores:
            name, outcome = outcomes.get()
            if isinstance(outcome, Exception):
                raise outcome
            given = known[name].given() if name in known else {"epoch": epoch} if name == lease_keeper.NAME else {}
            services[name] = {**given, "pid": outcome}
    finally:
        enough.set()
    workspace.write_services(services)


def _create_layers(workspace: Workspace) -> None:
    """The layers are databases, each with its folder in the warehouse."""
    there = _databases(workspace)
    missing = [layer for layer in ALL_LAYERS if layer not in there]
    statements = [create_database(layer, f"{workspace.warehouse}/{layer}") for layer in missing]
    if statements:
        wire.ask_spark(workspace.spark_remote, *statements, timeout=60)


def _databases(workspace: Workspace) -> list[str]:
    """The catalogue's databases; none where somebody else's engine has a catalogue that we do not know."""
    if "metastore" not in {**workspace.services(), **roster.external(workspace.settings)}:
        return []
    return wire.ask_metastore(workspace.metastore_uri, timeout=60)
