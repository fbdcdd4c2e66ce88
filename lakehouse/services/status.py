"""What is up in a workspace, and whether it answers."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from lakehouse.errors import FencedError, LakehouseError, ServiceError
from lakehouse.locks import check_lease
from lakehouse.services import ready, roster
from lakehouse.services.code_location import load_errors
from lakehouse.services.supervise import addresses, lease_keeper, ports, supervisor
from lakehouse.services.supervise.probes import PROBES
from lakehouse.services.supervise.spec import Address
from lakehouse.services.supervise.supervisor import State
from lakehouse.sql.trino_access import jdbc_url
from lakehouse.workspace import Workspace

_PATIENCE_SECONDS = 5


@dataclass(frozen=True)
class ServiceStatus:
    """One service.

    Args:
        name: Its name.
        state: "up" if it answers; "starting", "restarting", "not answering", "down"; "theirs" or
            "theirs, not answering" if a setting names somebody else's; of the lease "lost" if another has it; of
            Dagster "project not loaded" if it answers and could not load the project.
        pid: Its process, where it was started here and runs.
        address: Where it listens, without its token.
        note: What is wrong, or nothing.
        jdbc: Of the workspace's own Trino what a JDBC client connects to; it needs a token beside it.
    """

    name: str
    state: str
    pid: int | None = None
    address: str | None = None
    note: str = ""
    jdbc: str | None = None

    @property
    def is_healthy(self) -> bool:
        """Whether it answers."""
        return self.state in {"up", "theirs"}


def status(workspace: Workspace) -> list[ServiceStatus]:
    """Each service, asked a real question."""
    states, known = supervisor.states(workspace), addresses.kept(workspace)
    theirs = roster.external(workspace.settings)
    questions: list[Callable[[], ServiceStatus]] = []
    for name in supervisor.NAMES:
        if name == lease_keeper.NAME:
            questions.append(partial(_lease, workspace, states.get(name, State(name, "STOPPED", 0))))
        elif name in theirs:
            questions.append(partial(_theirs, workspace, name, theirs[name]))
        else:
            questions.append(partial(_ours, workspace, states.get(name, State(name, "STOPPED", 0)), known.get(name)))
    with ThreadPoolExecutor(len(questions)) as pool:
        return list(pool.map(lambda question: question(), questions))


def _lease(workspace: Workspace, state: State) -> ServiceStatus:
    """The lease on the warehouse: "up" while the keeper keeps it, "lost" where another took it."""
    epoch, other = lease_keeper.epoch_of(workspace), lease_keeper.other_holder(workspace)
    if not lease_keeper.is_needed(workspace.warehouse):
        return ServiceStatus(
            state.name, "down", note=f"{workspace.warehouse} is on object storage, which has no lease yet"
        )
    if epoch is None:
        return ServiceStatus(state.name, "down", note=f"held by {other}" if other else "")
    where, pid = lease_keeper.file_of(workspace, epoch), state.pid or None
    try:
        check_lease(workspace)
    except FencedError as error:
        return ServiceStatus(state.name, "lost", pid, where, str(error))
    return ServiceStatus(state.name, "up" if state.word == "RUNNING" else "restarting", pid, where)


def _theirs(workspace: Workspace, name: str, url: str) -> ServiceStatus:
    shown = url.partition("/;")[0]
    problem = _problem(workspace, name, url)
    return ServiceStatus(name, "theirs, not answering" if problem else "theirs", address=shown, note=problem)


def _ours(workspace: Workspace, state: State, address: Address | None) -> ServiceStatus:
    if not state.wanted:
        return ServiceStatus(state.name, "down")
    url = roster.url(state.name, address) if address else None
    shown = url.partition("/;")[0] if url else None
    pid = state.pid or None
    if address is None or url is None:
        return ServiceStatus(state.name, "up" if state.word == "RUNNING" else "restarting", pid=pid)
    if state.pid and ready.listens(state.pid, address.port):
        problem = _problem(workspace, state.name, url)
        if problem:
            return ServiceStatus(state.name, "not answering", pid, shown, problem)
        unloaded = _unloaded(workspace, url) if state.name == "dagster" else ""
        jdbc = jdbc_url(workspace, address.port) if state.name == "trino" else None
        return ServiceStatus(state.name, "project not loaded" if unloaded else "up", pid, shown, unloaded, jdbc)
    if not ports.is_free(address.port):
        note = f"port {address.port} is held by {ports.holder(address.port)}"
        return ServiceStatus(state.name, "restarting", pid, shown, note)
    return ServiceStatus(state.name, "starting" if state.pid else "restarting", pid, shown)


def _unloaded(workspace: Workspace, url: str) -> str:
    """Why Dagster could not load the project, in one line; nothing if it did."""
    try:
        errors = load_errors(url, workspace.settings.project, _PATIENCE_SECONDS)
    except ServiceError as error:
        return str(error)
    return "; ".join(f"{name}: {' '.join(why.split())}" for name, why in errors.items())


def _problem(workspace: Workspace, name: str, url: str) -> str:
    try:
        PROBES[name](url, workspace.settings, _PATIENCE_SECONDS)
    except LakehouseError as error:
        return str(error)
    return ""
