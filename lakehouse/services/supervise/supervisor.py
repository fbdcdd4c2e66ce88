"""supervisord, one per workspace: starts what the specs say, restarts what dies, keeps logs."""

import hashlib
import os
import shlex
import subprocess
import sys
import tempfile
import time
import xmlrpc.client
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lakehouse.errors import ServiceError
from lakehouse.rights import close, umask_of
from lakehouse.services.supervise import launch
from lakehouse.services.supervise.spec import ServiceSpec
from lakehouse.storage import write_private_json
from lakehouse.workspace import Workspace

NAMES = ("lease", "metastore", "spark", "trino", "mlflow", "dagster", "daemon")
# These end by themselves, with exit code 0, when their work is over.
_MAY_END = frozenset({"lease"})
# A path of a Unix socket may have 104 (macOS) to 108 (Linux) bytes, and supervisord binds a longer one first.
_LONGEST_SOCKET = 85

_HEAD = """\
[supervisord]
logfile={logs}/supervisord.log
logfile_maxbytes=5MB
pidfile={folder}/supervisord.pid
directory={folder}
umask={umask:03o}

[unix_http_server]
file={socket}
chmod=0600

[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
"""
_PROGRAM = """
[program:{name}]
command={command}
autostart=false
autorestart={restart}
startsecs=1
startretries=1000
stopasgroup=true
killasgroup=true
stopwaitsecs=20
redirect_stderr=true
stdout_logfile={logs}/{name}.log
stdout_logfile_maxbytes=20MB
stdout_logfile_backups=2
"""


@dataclass(frozen=True)
class State:
    """What supervisord says of one process; `pid` is 0 where it does not run, `since` is the Unix time of its start."""

    name: str
    word: str
    pid: int
    since: float = 0.0

    @property
    def wanted(self) -> bool:
        """Whether supervisord runs it or tries to."""
        return self.word in {"STARTING", "RUNNING", "BACKOFF"}


def folder(workspace: Workspace) -> Path:
    """Where supervisord's things and the launch files are."""
    return workspace.home / "supervisor"


def socket_path(workspace: Workspace) -> Path:
    """Supervisord's socket: in the workspace, or where its path would be too long in a private temporary folder."""
    inside = folder(workspace) / "supervisord.sock"
    if len(os.fsencode(inside)) <= _LONGEST_SOCKET:
        return inside
    name = hashlib.sha256(os.fsencode(workspace.home)).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"lakehouse-{os.getuid()}-{name}" / "s"


def start(workspace: Workspace) -> None:
    """Have a supervisord; harmless when there is one.

    Raises:
        ServiceError: it does not start.
    """
    if answers(workspace):
        return
    home, socket = folder(workspace), socket_path(workspace)
    workspace.folder(workspace.logs.name)
    for private in (home, socket.parent):
        private.mkdir(mode=0o700, parents=True, exist_ok=True)
        if private.stat().st_uid != os.getuid() or private.is_symlink():
            raise ServiceError(
                f"{private} belongs to another user. Remove it, or set LAKEHOUSE_HOME to a shorter path."
            )
        close(private, None)
    socket.unlink(missing_ok=True)
    conf = home / "supervisord.conf"
    conf.write_text(_conf(workspace, socket))
    command = [sys.executable, "-m", "supervisor.supervisord", "-c", str(conf)]
    inherited = launch.of_workspace(workspace)
    umask = umask_of(workspace.settings.group)
    done = subprocess.run(  # noqa: S603 - ours
        command, capture_output=True, text=True, check=False, env=inherited, umask=umask
    )
    if done.returncode != 0 or not answers(workspace, patient=True):
        raise ServiceError(
            f"supervisord does not start: {done.stderr.strip()[-500:]} See {workspace.logs}/supervisord.log."
        )


def answers(workspace: Workspace, *, patient: bool = False) -> bool:
    """Whether the workspace's supervisord is there; a patient caller waits some seconds for it."""
    deadline = time.monotonic() + (10 if patient else 0)
    while True:
        try:
            return bool(_rpc(workspace).getState()["statename"] == "RUNNING")
        except (OSError, ServiceError, xmlrpc.client.Error):
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.05)  # nothing to wait on: the socket is not there yet


def _conf(workspace: Workspace, socket: Path) -> str:
    def quoted(value: object) -> str:
        return str(value).replace("%", "%%")

    logs, home, umask = quoted(workspace.logs), folder(workspace), umask_of(workspace.settings.group)
    parts = [_HEAD.format(logs=logs, folder=quoted(home), socket=quoted(socket), umask=umask)]
    for name in NAMES:
        command = shlex.join([sys.executable, "-m", "lakehouse.services.supervise.launch", str(home / f"{name}.json")])
        restart = "unexpected" if name in _MAY_END else "true"
        # supervisord expands the name of a program's log twice (options.py, processes_from_section).
        parts.append(_PROGRAM.format(name=name, command=quoted(command), logs=quoted(logs), restart=restart))
    return "".join(parts)


def _rpc(workspace: Workspace) -> Any:
    from supervisor.xmlrpc import SupervisorTransport

    socket = socket_path(workspace)
    if not socket.exists():
        raise ServiceError(f"nothing is up in {workspace.home}.")
    transport = SupervisorTransport(None, None, f"unix://{socket}")
    return xmlrpc.client.ServerProxy("http://localhost", transport=transport).supervisor


def run(workspace: Workspace, spec: ServiceSpec) -> None:
    """Write what the spec wants and have supervisord run it."""
    spec.write_files()
    launch = folder(workspace) / f"{spec.name}.json"
    write_private_json(launch, spec.launch())
    start_again(workspace, spec.name)


def start_again(workspace: Workspace, name: str) -> None:
    """Run a process as it was described last."""
    _rpc(workspace).startProcess(name, False)


def states(workspace: Workspace) -> dict[str, State]:
    """What supervisord says of each process; nothing where there is no supervisord."""
    try:
        told = _rpc(workspace).getAllProcessInfo()
    except (OSError, ServiceError, xmlrpc.client.Error):  # the last: it is on its way out
        return {}
    return {e["name"]: State(e["name"], e["statename"], e["pid"], e["start"]) for e in told}


def halt(workspace: Workspace, name: str) -> None:
    """Stop one process and wait for its end; harmless when it does not run."""
    if states(workspace).get(name, State(name, "STOPPED", 0)).wanted:
        _rpc(workspace).stopProcess(name)


def kill(workspace: Workspace, name: str) -> None:
    """Stop one process without giving it time; it is not started again. Harmless when it does not run."""
    rpc = _rpc(workspace)
    if states(workspace).get(name, State(name, "STOPPED", 0)).wanted:
        rpc.stopProcess(name, False)
    with suppress(xmlrpc.client.Fault):  # it has ended already
        rpc.signalProcess(name, "KILL")


def start_anew(workspace: Workspace, name: str) -> None:
    """End one process at once and run it as it was described last."""
    kill(workspace, name)
    while states(workspace)[name].word == "STOPPING":
        time.sleep(0.05)  # supervisord gives no sign when it has seen the end
    start_again(workspace, name)


def shut_down(workspace: Workspace) -> None:
    """Stop supervisord and with it all that it runs; harmless when there is none."""
    try:
        rpc = _rpc(workspace)
        rpc.stopAllProcesses(True)
        rpc.shutdown()
    except (OSError, ServiceError):
        return
