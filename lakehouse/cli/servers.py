"""`up`, `down`, `status`, `logs` and `doctor`."""

import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from pathlib import Path


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (up, down, status, logs, doctor):
        app.command()(command)


def up(parts: Annotated[list[str] | None, typer.Argument(help="ui: Dagster and MLflow; sql: Trino")] = None) -> None:
    """Start the metastore and the engine, and return when both answer. Harmless when they are up."""
    from lakehouse.services import up as start
    from lakehouse.workspace import current_workspace

    workspace = current_workspace()
    start(workspace, parts or [], tell=_teller())
    for name, service in workspace.services().items():
        if name in ("trino", "mlflow", "dagster"):
            print(f"{name}: http://127.0.0.1:{service['port']}")
    print(f"{workspace.home} is up.")


def down() -> None:
    """Stop everything that the workspace started."""
    from lakehouse.services import down as stop
    from lakehouse.workspace import current_workspace

    workspace = current_workspace()
    stop(workspace, tell=_teller())
    print(f"{workspace.home} is down.")


def status(as_json: Annotated[bool, typer.Option("--json", help="For programs")] = False) -> None:
    """What is up, and whether it answers."""
    from dataclasses import asdict

    from lakehouse.cli.printing import print_json, print_table
    from lakehouse.services.status import status as ask
    from lakehouse.workspace import current_workspace

    found = ask(current_workspace())
    if as_json:
        print_json([asdict(entry) for entry in found])
    else:
        rows = [(entry.name, entry.state, str(entry.pid or ""), entry.address or "", entry.note) for entry in found]
        print_table(("service", "state", "pid", "address", "note"), rows)


def logs(
    name: Annotated[str, typer.Argument(help="metastore, spark, trino, mlflow, dagster, daemon, lease or supervisord")],
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as lines come")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", help="So many from the end")] = 50,
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


def doctor(as_json: Annotated[bool, typer.Option("--json", help="For programs")] = False) -> None:
    """What is missing on this machine, and how to get it. Exit code 1 where something is."""
    from dataclasses import asdict

    from lakehouse.cli.printing import print_json
    from lakehouse.services.doctor import examine
    from lakehouse.workspace import current_workspace

    findings = examine(current_workspace())
    if as_json:
        print_json([asdict(finding) for finding in findings])
    else:
        for finding in findings:
            print(f"{'ok  ' if finding.ok else 'FAIL'} {finding.name}: {finding.found}")
            if not finding.ok:
                print(f"     {finding.remedy}")
    if not all(finding.ok for finding in findings):
        raise typer.Exit(1)


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
