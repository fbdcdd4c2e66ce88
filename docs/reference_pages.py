"""The pages of the reference, made from the code at each build: the public names, the commands, the settings."""

import inspect
import subprocess
import sys
from pathlib import Path
from typing import Any

from pydantic import BaseModel

HERE = Path(__file__).parent
# Headings by the room of the library that a public name comes from; a room that is not here is its own heading.
HEADINGS = {
    "declare": "Declarations",
    "sources": "Sources",
    "dagster": "Assets",
    "models": "Models",
    "features": "Features",
    "project": "Calls",
    "write": "What a run gives",
    "quality": "Checks",
    "schema": "Declared against stored",
    "answers": "Answers",
    "sql": "Questions to Trino",
    "engine": "Sessions",
    "workspace": "Workspaces",
    "settings": "Settings",
    "services": "Servers",
    "errors": "Errors",
}


def undocumented(module: Any) -> list[str]:
    """The public names of a module, and their public methods, that say nothing of themselves.

    A frozen dataclass without a docstring gets its signature from Python; that is no documentation.
    """
    names = {name: getattr(module, name) for name in module.__all__}
    methods = {
        f"{name}.{method}": value
        for name, owner in names.items()
        if inspect.isclass(owner)
        for method, value in vars(owner).items()
        if not method.startswith("_") and (inspect.isfunction(value) or isinstance(value, property | classmethod))
    }
    return sorted(name for name, value in (names | methods).items() if not _says_something(value))


def python_page(module: Any) -> str:
    """The public names of a module by the room that they come from, as directives of autodoc.

    Raises:
        ValueError: a public name has no docstring.
    """
    silent = undocumented(module)
    if silent:
        raise ValueError(f"public names of `{module.__name__}` without a docstring: {', '.join(silent)}. Write one.")
    rooms: dict[str, list[str]] = {}
    for name in module.__all__:
        rooms.setdefault(_room(getattr(module, name)), []).append(name)
    order = [*HEADINGS, *sorted(rooms.keys() - HEADINGS.keys())]
    sections = [_section(module, room, rooms[room]) for room in order if room in rooms]
    return "\n".join([*_heading("Python", "="), inspect.getdoc(module) or "", "", *sections])


def commands_page() -> str:
    """Every command with its arguments and options, as typer itself describes them."""
    source = HERE / "commands.py"
    typer = [sys.executable, "-m", "typer", str(source), "utils", "docs", "--name", "lakehouse", "--title", "Commands"]
    return subprocess.run(typer, capture_output=True, text=True, check=True).stdout  # noqa: S603


def settings_page(settings: type[BaseModel]) -> str:
    """Every setting as the variable that sets it, with its default and its one line."""
    head = ["# Settings", "", "Each is a variable of the environment.", "", "| variable | default | |", "|---|---|---|"]
    return "\n".join([*head, *_settings_rows(settings, "LAKEHOUSE_")]) + "\n"


def _settings_rows(settings: type[BaseModel], prefix: str) -> list[str]:
    rows = []
    for name, field in settings.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            rows += _settings_rows(field.annotation, f"{prefix}{name.upper()}__")
            continue
        variable = field.validation_alias or f"{prefix}{name.upper()}"
        default = "" if field.default is None else f"`{str(field.default).replace(str(Path.home()), '~')}`"
        rows.append(f"| `{variable}` | {default} | {field.description or ''} |")
    return rows


def _says_something(value: Any) -> bool:
    own = value.__doc__ or ""
    return bool(own.strip()) and not own.startswith(f"{getattr(value, '__name__', '')}(")


def _room(value: Any) -> str:
    return str(getattr(value, "__module__", "lakehouse")).split(".")[1]


def _section(module: Any, room: str, names: list[str]) -> str:
    lines = _heading(HEADINGS.get(room, room.capitalize()), "-")
    for name in names:
        value = getattr(module, name)
        kind = "class" if inspect.isclass(value) else "function" if callable(value) else "data"
        members = ["   :members:"] if kind == "class" else []
        lines += [f".. auto{kind}:: {module.__name__}.{name}", *members, ""]
    return "\n".join(lines)


def _heading(text: str, line: str) -> list[str]:
    return [text, line * len(text), ""]
