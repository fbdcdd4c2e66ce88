"""`up`, `down`, `status`, `logs` and `doctor`."""

import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from lakehouse.cli.printing import Json, print_answer, print_table

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lakehouse.services.doctor import Finding
    from lakehouse.services.status import ServiceStatus


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (up, down, status, logs, doctor):
        app.command()(command)


def up(parts: Annotated[list[str] | None, typer.Argument(help="ui: Dagster and MLflow; sql: Trino")] = None) -> None:
    """Start the metastore and the engine, and return when both answer. Harmless when they are up."""
    from lakehouse.services import up as start
    from lakehouse.workspace import URLS, current_workspace

    workspace = current_workspace()
    start(workspace, parts or [], tell=_teller())
    for name, service in workspace.services().items():
        if name in ("trino", "mlflow", "dagster"):
            print(f"{name}: {URLS[name].format(**service)}")
    print(f"{workspace.home} is up.")


def down() -> None:
    """Stop everything that the workspace started."""
    from lakehouse.services import down as stop
    from lakehouse.workspace import current_workspace

    workspace = current_workspace()
    stop(workspace, tell=_teller())
    print(f"{workspace.home} is down.")


def status(as_json: Json = False) -> None:
    """What is up, and whether it answers."""
    from lakehouse.services.status import status as ask
    from lakehouse.workspace import current_workspace

    print_answer(ask(current_workspace()), as_json, _print_services)


def _print_services(services: "Sequence[ServiceStatus]") -> None:
    rows = [
        (service.name, service.state, str(service.pid or ""), service.address or "", service.note)
        for service in services
    ]
    print_table(("service", "state", "pid", "address", "note"), rows)
    for service in services:
        if service.jdbc:
            print(f"JDBC, with a token of `lakehouse token` as accessToken:\n  {service.jdbc}")


def logs(
    name: Annotated[
        str, typer.Argument(help="metastore, spark, trino, mlflow, dagster, daemon, lease, supervisord or command")
    ],
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as lines come")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", min=1, help="So many from the end")] = 50,
) -> None:
    """Show the log of a service."""
    from lakehouse.errors import ServiceError
    from lakehouse.services.ready import last_lines
    from lakehouse.workspace import current_workspace

    workspace = current_workspace()
    file = workspace.logs / f"{name}.log"
    if not file.is_file():
        known = (
            ", ".join(sorted(path.stem for path in workspace.logs.glob("*.log")))
            or "none yet: `lakehouse up` makes them"
        )
        raise ServiceError(f"there is no log of `{name}` in {workspace.logs}. There are: {known}.")
    print(last_lines(workspace, name, lines))
    if follow:
        _follow(file)


def doctor(as_json: Json = False) -> None:
    """What is missing on this machine, and how to get it. Exit code 1 where something is."""
    from lakehouse.services.doctor import examine
    from lakehouse.workspace import current_workspace

    findings = examine(current_workspace())
    print_answer(findings, as_json, _print_findings)
    if not all(finding.ok for finding in findings):
        raise typer.Exit(1)


def _print_findings(findings: "Sequence[Finding]") -> None:
    for finding in findings:
        print(f"{'ok  ' if finding.ok else 'FAIL'} {finding.name}: {finding.found}")
        if not finding.ok:
            print(f"     {finding.remedy}")


def _teller() -> Callable[[str], None]:
    """Tells on stderr what goes on, with the seconds since the start."""
    began = time.monotonic()

    def tell(message: str) -> None:
        print(f"{time.monotonic() - began:5.1f} s  {message}", file=sys.stderr, flush=True)

    return tell


def _follow(file: "Path") -> None:
    with file.open(errors="replace") as stream:
        stream.seek(0, 2)
        while True:
            line = stream.readline()
            if line:
                print(line, end="", flush=True)
            else:
                time.sleep(0.3)
