"""How figures are shown: a table for people, JSON for programs, a page for the documentation."""

import json
import os
import platform
import subprocess
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import psutil

from benchmarks.figure import Figure

Measured = Mapping[str, list[Figure]]


def machine() -> str:
    """Where it was measured."""
    memory = psutil.virtual_memory().total / 2**30
    system = f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"
    return f"{os.cpu_count()} cores, {memory:.0f} GB, {system}"


def state() -> str:
    """Commit and load average: other work on the machine makes all figures larger."""
    head = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"],  # noqa: S607 - the user's own
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        check=False,
    )
    return f"commit {head.stdout.strip() or 'unknown'}, load average {os.getloadavg()[0]:.1f}"


def shown(figure: Figure) -> str:
    """Value and unit."""
    if figure.value is None:
        return "not measured"
    number = f"{figure.value:.0f}" if isinstance(figure.value, int) else f"{figure.value:.3g}"
    if figure.unit == "s":
        number = f"{figure.value:.2f}"
    return number if figure.unit == "ratio" else f"{number} {figure.unit}"


def as_json(measured: Measured) -> str:
    """All figures, by benchmark."""
    return json.dumps({name: [asdict(figure) for figure in figures] for name, figures in measured.items()}, indent=1)


def as_table(measured: Measured) -> None:
    """Print a table."""
    from rich.console import Console
    from rich.table import Table as Grid

    grid = Grid("benchmark", "figure", "value", "target", "how")
    for name, figures in measured.items():
        for figure in figures:
            grid.add_row(name, figure.name, shown(figure), figure.target, figure.note)
        grid.add_section()
    Console(width=None).print(grid)


def as_markdown(measured: Measured, states: Mapping[str, str]) -> str:
    """The page: a part for each benchmark, with the command that measures it."""
    lines = [
        "# Benchmarks",
        "",
        f"Made by `python -m benchmarks --save docs/benchmarks.md` on {machine()}; `make bench`",
        "prints the figures of your machine. Nothing fails where a target is missed; all times are wall time.",
        "Other work on the machine makes them larger: each part says its load average at the start.",
    ]
    for name, figures in measured.items():
        lines += ["", f"## {name}", "", f"`python -m benchmarks {name}`; {states[name]}.", ""]
        lines += ["| figure | value | target | how |", "|---|---|---|---|"]
        lines += [_row(figure.name, shown(figure), figure.target, figure.note) for figure in figures]
    return "\n".join(lines) + "\n"


def _row(*cells: str) -> str:
    escaped = [cell.replace("|", r"\|") for cell in cells]
    return f"| {' | '.join(escaped)} |"
