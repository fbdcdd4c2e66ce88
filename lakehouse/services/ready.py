"""Waits until a service that the supervisor runs answers a real question."""

import socket
import time
from collections.abc import Callable
from threading import Event

import psutil

from lakehouse.errors import ServiceError
from lakehouse.services import roster
from lakehouse.services.supervise import ports, supervisor
from lakehouse.services.supervise.probes import PROBES
from lakehouse.services.supervise.spec import Address
from lakehouse.workspace import Workspace

WITHIN_SECONDS = 180
ANSWER_WITHIN_SECONDS = 45
_POLL_SECONDS = 0.1
_LOG_LINES = 15


def wait(
    workspace: Workspace, name: str, address: Address | None, *, enough: Event, tell: Callable[[str], None]
) -> int:
    """Wait for one service and give its pid. `enough` ends the wait early.

    Raises:
        ServiceError: it ended, another process holds its port, or it does not answer in time.
    """
    began, first, problem = time.monotonic(), 0, ""
    while time.monotonic() - began < WITHIN_SECONDS and not enough.is_set():
        state = supervisor.states(workspace).get(name)
        if state is None:
            raise ServiceError(f"{name} is no longer supervised: somebody ran `lakehouse down` meanwhile.")
        first = first or state.pid
        if state.pid != first or not state.wanted:
            raise ServiceError(_why_it_ended(workspace, name, address))
        if address is None and state.word == "RUNNING":
            return state.pid
        if address is not None and state.pid and listens(state.pid, address.port):
            try:
                PROBES[name](roster.url(name, address), workspace.settings, ANSWER_WITHIN_SECONDS)
            except ServiceError as error:
                problem = str(error)  # it listens, but some need seconds more before they answer
            else:
                tell(f"{name} answers after {time.monotonic() - began:.1f} s")
                return state.pid
        enough.wait(_POLL_SECONDS)  # a process gives no sign when it begins to listen
    raise ServiceError(f"{name} does not answer after {WITHIN_SECONDS} s. {problem}\n{last_lines(workspace, name)}")


def listens(pid: int, port: int) -> bool:
    """Whether this process or a child of it is what listens on the port: a port alone may be another server's."""
    with socket.socket() as probe:
        probe.settimeout(1)
        if probe.connect_ex(("127.0.0.1", port)) != 0:
            return False
    try:
        process = psutil.Process(pid)
        family = [process, *process.children(recursive=True)]
        return any(
            c.laddr.port == port for one in family for c in one.net_connections("tcp") if c.status == psutil.CONN_LISTEN
        )
    except psutil.Error:
        return False


def _why_it_ended(workspace: Workspace, name: str, address: Address | None) -> str:
    if address is not None and not ports.is_free(address.port):
        return (
            f"{name} cannot listen on its port {address.port}: {ports.holder(address.port)} holds it.\n"
            f"End that process, or run `lakehouse down` and `lakehouse up` to have another port chosen."
        )
    return f"{name} ended instead of answering. The end of {workspace.logs / name}.log:\n{last_lines(workspace, name)}"


def last_lines(workspace: Workspace, name: str, count: int = _LOG_LINES) -> str:
    """The end of a service's log."""
    try:
        return "\n".join((workspace.logs / f"{name}.log").read_text(errors="replace").splitlines()[-count:])
    except FileNotFoundError:
        return "(it has no log yet)"
