"""Waits until a service that the supervisor runs answers a real question."""

import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Event

import psutil

from lakehouse.errors import ServiceError
from lakehouse.services import roster
from lakehouse.services.supervise import ports, supervisor
from lakehouse.services.supervise.jvm_log import cause, without_trace
from lakehouse.services.supervise.probes import OWN_PROBES, PROBES
from lakehouse.services.supervise.spec import Address
from lakehouse.workspace import Workspace

WITHIN_SECONDS = 180
ANSWER_WITHIN_SECONDS = 45
# Of one that was up before: two questions that it leaves so long, or answers with an error, and it is started anew.
_SOON_SECONDS = 20
_FAILING_SECONDS = 5
_POLL_SECONDS = 0.1
_LOG_LINES, _SAID_LINES = 15, 5


@dataclass(frozen=True)
class Before:
    """What a service was when `up` came.

    Args:
        was_up: It was started already.
        log_bytes: So long was its log.
    """

    was_up: bool
    log_bytes: int


def before(workspace: Workspace, name: str, *, was_up: bool) -> Before:
    """To be asked for before it is started."""
    log = workspace.logs / f"{name}.log"
    return Before(was_up, log.stat().st_size if log.exists() else 0)


@dataclass
class _Health:
    """What a service that listens answered until now."""

    failing_since: float | None = None
    problem: str = ""
    was_told: bool = False

    def failed(self, problem: str) -> float:
        """Note a failed question; give for how long all of them have failed."""
        now = time.monotonic()
        self.failing_since, self.problem = self.failing_since or now, problem
        return now - self.failing_since


def wait(
    workspace: Workspace,
    name: str,
    address: Address | None,
    *,
    before: Before,
    enough: Event,
    tell: Callable[[str], None],
) -> int:
    """Wait for one service and give its pid. `enough` ends the wait early.

    One that was up before, listens and is broken is started anew, once.

    Raises:
        ServiceError: it ended, another process holds its port, or it does not answer in time.
    """
    began, first, health, may_end = time.monotonic(), 0, _Health(), before.was_up
    while time.monotonic() - began < WITHIN_SECONDS and not enough.is_set():
        state = supervisor.states(workspace).get(name)
        if state is None:
            raise ServiceError(f"{name} is no longer supervised: somebody ran `lakehouse down` meanwhile.")
        first = first or state.pid
        if may_end and state.wanted and state.pid != first:
            first, may_end, health = state.pid, False, _Health()  # it ended by itself and is back
        if state.pid != first or not state.wanted:
            raise ServiceError(_why_it_ended(workspace, name, address, before))
        if address is None and state.word == "RUNNING":
            return state.pid
        if address is not None and state.pid and listens(state.pid, address.port):
            if _answers(workspace, name, address, health, soon=may_end):
                tell(f"{name} answers after {time.monotonic() - began:.1f} s")
                return state.pid
            if may_end and _is_broken(workspace, name, address, health):
                tell(f"{name} is started anew: {health.problem}")
                supervisor.start_anew(workspace, name)
                first, may_end, health = 0, False, _Health()
            elif not health.was_told and health.failed(health.problem) > _FAILING_SECONDS:
                tell(f"{name} listens and does not answer yet: {health.problem}")
                health.was_told = True
        enough.wait(_POLL_SECONDS)  # a process gives no sign when it begins to listen
    why = cause(_said_since(workspace, name, before)) or health.problem or "It does not listen."
    raise ServiceError(f"{name} does not answer after {WITHIN_SECONDS} s. {why}\n{_where(workspace, name)}")


def _answers(workspace: Workspace, name: str, address: Address, health: _Health, *, soon: bool) -> bool:
    try:
        PROBES[name](roster.url(name, address), workspace.settings, _SOON_SECONDS if soon else ANSWER_WITHIN_SECONDS)
    except ServiceError as error:
        health.failed(str(error))  # it listens, but some need seconds more before they answer
        return False
    return True


def _is_broken(workspace: Workspace, name: str, address: Address, health: _Health) -> bool:
    """Whether it has failed for long enough, and not because of another service that it needs."""
    if health.failed(health.problem) < _FAILING_SECONDS:
        return False
    try:
        OWN_PROBES[name](roster.url(name, address), workspace.settings, _SOON_SECONDS)
    except ServiceError as error:
        health.problem = str(error)
        return True
    return False


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


def _why_it_ended(workspace: Workspace, name: str, address: Address | None, before: Before) -> str:
    if address is not None and not ports.is_free(address.port):
        return (
            f"{name} cannot listen on its port {address.port}: {ports.holder(address.port)} holds it.\n"
            f"End that process, or run `lakehouse down` and `lakehouse up` to have another port chosen."
        )
    log = _said_since(workspace, name, before)
    said = cause(log) or "Its last words:\n" + "\n".join(without_trace(log)[-_SAID_LINES:])
    return f"{name} ended instead of answering: {said}\n{_where(workspace, name)}"


def _said_since(workspace: Workspace, name: str, before: Before) -> str:
    try:
        log = (workspace.logs / f"{name}.log").read_bytes()
    except FileNotFoundError:
        return ""
    # One that is shorter than it was is a new file.
    return log[before.log_bytes if before.log_bytes <= len(log) else 0 :].decode(errors="replace")


def _where(workspace: Workspace, name: str) -> str:
    return f"All that it said is in {workspace.logs / name}.log (`lakehouse logs {name}`)."


def last_lines(workspace: Workspace, name: str, count: int = _LOG_LINES) -> str:
    """The end of a service's log."""
    try:
        return "\n".join((workspace.logs / f"{name}.log").read_text(errors="replace").splitlines()[-count:])
    except FileNotFoundError:
        return "(it has no log yet)"
