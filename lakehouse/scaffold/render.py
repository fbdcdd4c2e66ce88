"""Templates become files: names are escaped by the format's own library, and ruff gives Python its shape.

What a template is given is never read as a template. A name goes into Python as `repr` writes it, into YAML as PyYAML
writes it, and into SQL as an identifier, so no name of a file, folder or column can become code.
"""

import json
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lakehouse.declare.sql_text import quote
from lakehouse.errors import LakehouseError

if TYPE_CHECKING:
    from jinja2 import Environment

# A longer string is written in parts.
_PART = 100


def rendered(template: str, **values: Any) -> str:
    """A file of the package's folder `templates/`, filled in."""
    return _environment().get_template(f"{template}.jinja").render(**values)


def rendered_text(template: str, **values: Any) -> str:
    """A template that is given as text, filled in."""
    return _environment().from_string(template).render(**values)


def python(template: str, path: Path, project: Path, **values: Any) -> str:
    """A Python file, in the style that ruff is configured to in its project; ruff's own style where it is not.

    Args:
        template: Name of the template, without `.jinja`.
        path: Where the file will be, below the project: its place decides which settings hold.
        project: The project's folder, by which ruff tells the project's packages from others.
        values: What the template shows.

    Raises:
        LakehouseError: ruff refuses the file.
    """
    source = rendered(template, **values)
    # Ruff tells the project's own modules by their files, and this one's is not there yet.
    own = ("--config", 'lint.isort.known-first-party=["assets"]')
    for arguments in (["check", "--select", "I", "--fix", "--quiet", *own], ["format", "--quiet"]):
        source = _ruff([*arguments, "--no-cache", "--stdin-filename", str(path), "-"], source, project)
    return source


def _ruff(arguments: list[str], source: str, folder: Path) -> str:
    command = [sys.executable, "-m", "ruff", *arguments]
    done = subprocess.run(  # noqa: S603 - the installed ruff
        command, input=source, cwd=folder, capture_output=True, encoding="utf-8", check=False
    )
    if done.returncode:
        raise LakehouseError(f"ruff cannot format a new file; nothing was written.\n{done.stderr.strip()}")
    return done.stdout


@cache
def _environment() -> "Environment":
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(  # noqa: S701 - no template makes HTML
        loader=PackageLoader("lakehouse.scaffold"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(py=repr, long=_in_parts, yaml=_yaml, yaml_row=_yaml_row, dbt=as_dbt_text, sql=sql_name)
    return environment


def _in_parts(text: str) -> str:
    """A string literal of Python, in parts where it is longer than a line."""
    parts = [text[start : start + _PART] for start in range(0, len(text), _PART)] or [""]
    return repr(text) if len(parts) == 1 else "(\n" + "\n".join(f"    {part!r}" for part in parts) + "\n)"


def _yaml(value: Any) -> str:
    """A scalar of YAML 1.1, which dbt reads; quoted where it would be read as anything but this text."""
    import yaml

    shown = str(yaml.safe_dump(value, width=sys.maxsize, allow_unicode=True))
    return shown.removesuffix("\n").removesuffix("\n...")


def _yaml_row(values: dict[str, Any]) -> str:
    import yaml

    flow = {"default_flow_style": True, "sort_keys": False}
    return str(yaml.safe_dump(values, width=sys.maxsize, allow_unicode=True, **flow)).strip()


def as_dbt_text(text: str) -> str:
    """Text for a property file of dbt, which renders texts as Jinja: a brace stands for itself."""
    return "".join("{{ " + json.dumps(sign) + " }}" if sign in "{}" else sign for sign in text)


def sql_name(name: str) -> str:
    """A column's name in Spark SQL, quoted where it would be read as anything but a column."""
    import sqlglot
    from sqlglot import exp

    try:
        shown = sqlglot.parse_one(f"SELECT a, {name}, b FROM t", dialect="spark").expressions
    except sqlglot.ParseError:
        return quote(name)
    is_plain = len(shown) == 3 and isinstance(shown[1], exp.Column) and shown[1].name == name
    return name if is_plain else quote(name)
