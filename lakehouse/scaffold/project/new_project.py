"""`lakehouse init`: the folder of a new project, which works at once."""

import json
import keyword
import re
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

from lakehouse.errors import LakehouseError
from lakehouse.scaffold.project.record import Record, digest, write_file, write_record
from lakehouse.scaffold.project.templates import GIVEN, KEPT, SAMPLE, installed_library, render

# What `make` reads on this machine alone; it is not committed.
LOCAL = "local.mk"
# Names that something else in the project's environment has.
_TAKEN = {"lakehouse", "assets", "orchestration", "tests", "dbt", "dbt_spark", "pyspark", "dagster"}


def new_project(parent: Path, name: str, *, has_sample: bool = False) -> Path:
    """Write the folder of a project.

    Args:
        parent: The folder that it is made in.
        name: Of the project and its folder.
        has_sample: Whether it has a table in each of bronze, silver and gold, made from one CSV.

    Returns:
        The folder.

    Raises:
        LakehouseError: the name cannot be a package, or the folder is there and not empty. Nothing was written.
    """
    _refuse_name(name)
    project = parent / name
    if project.exists() and (not project.is_dir() or any(project.iterdir())):
        raise LakehouseError(
            f"{project} is there already and not empty: nothing was written. Choose another name, or move it away."
        )
    library = installed_library()
    kept = render(KEPT, name, library)
    files = {**kept, **render(GIVEN, name, library, has_sample=has_sample)}
    files |= render(SAMPLE, name, library) if has_sample else {}
    for place, text in files.items():
        write_file(project / place, text)
    wheel = installed_from()
    if wheel:
        write_file(project / LOCAL, _local(wheel))
    write_record(project, Record(name, library.version, {place: digest(text) for place, text in kept.items()}))
    return project


def installed_from() -> str | None:
    """The wheel or checkout on this machine that the library was installed from; None if it came from an index.

    Installers note it in `direct_url.json` (PEP 610).
    """
    from importlib.metadata import distribution

    noted = distribution("lakehouse").read_text("direct_url.json")
    url = urlsplit(json.loads(noted)["url"]) if noted else None
    return unquote(url.path) if url and url.scheme == "file" else None


def _local(wheel: str) -> str:
    """Make's own signs in the path are escaped."""
    path = wheel.replace("$", "$$").replace("#", "\\#")
    return f"# This machine's own, not committed: what the library is installed from.\nLAKEHOUSE_WHEEL ?= {path}\n"


def _refuse_name(name: str) -> None:
    is_name = re.fullmatch(r"[a-z][a-z0-9_]{0,62}", name) and not name.endswith("_")
    if is_name and not keyword.iskeyword(name) and name not in _TAKEN and name not in sys.stdlib_module_names:
        return
    near = re.sub(r"_+", "_", re.sub(r"[^a-z0-9]", "_", name.lower())).strip("_")[:50]
    near = near if near[:1].isalpha() else f"my_{near}".strip("_")
    near = f"my_{near}" if near == name else near
    raise LakehouseError(
        f"`{name}` cannot be the name of a Python package of your own: nothing was written. Use lower case letters, "
        f"digits and _, beginning with a letter, and no name that Python or the library has, for example `{near}`."
    )
