"""The files of a project, rendered. Pure: nothing is written.

The folders of `templates/` say whose a file is: `kept` is the machinery, which `lakehouse upgrade` rewrites for as long
as nobody has edited it; `given` and `sample` are the user's own from the start. A file that ends in `.j2` is a Jinja2
template, any other is taken as it is (dbt's macros are Jinja themselves).
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lakehouse.scaffold.render import rendered_text

TEMPLATES = Path(__file__).parent / "templates"
KEPT, GIVEN, SAMPLE = "kept", "given", "sample"


@dataclass(frozen=True)
class Library:
    """The installed library, as a project names it.

    Args:
        version: Its release, such as `0.1.0`.
        requires_python: The Pythons that it runs on, such as `>=3.11,<3.13`.
    """

    version: str
    requires_python: str

    @property
    def range(self) -> str:
        """The releases that a project asks for: this one and later ones of the same line."""
        major, minor = (int(part) for part in self.version.split(".")[:2])
        return f">={major}.{minor},<{major}.{minor + 1}" if major == 0 else f">={major}.{minor},<{major + 1}"

    @property
    def pythons(self) -> tuple[int, int]:
        """The minor versions of Python 3 that it runs on: the first, and the first that is too new.

        Raises:
            ValueError: it names no such range.
        """
        bounds = re.fullmatch(r"<3\.(\d+),>=3\.(\d+)|>=3\.(\d+),<3\.(\d+)", self.requires_python.replace(" ", ""))
        if bounds is None:
            raise ValueError(f"`{self.requires_python}` is no range such as `>=3.11,<3.13`")
        newest, oldest, first, last = bounds.groups()
        return int(oldest or first), int(newest or last)


def installed_library() -> Library:
    """The library that runs."""
    from importlib.metadata import metadata

    described = metadata("lakehouse")
    return Library(described["Version"], described["Requires-Python"])


def render(folder: str, name: str, library: Library, *, has_sample: bool = False) -> dict[str, str]:
    """The files of one of the folders of templates, by their path in the project.

    Args:
        folder: `KEPT`, `GIVEN` or `SAMPLE`.
        name: Of the project.
        library: What it stands on.
        has_sample: Whether the project has the sample.
    """
    oldest, newest = library.pythons
    facts: dict[str, Any] = {
        "name": name,
        "sample": has_sample,
        "library": library.version,
        "library_range": library.range,
        "requires_python": f">=3.{oldest},<3.{newest}",
        "python_range": f"(3, {oldest}) <= sys.version_info < (3, {newest})",
        "python_names": " ".join(f"python3.{minor}" for minor in range(newest - 1, oldest - 1, -1)),
    }
    root = TEMPLATES / folder
    files = {}
    for path in sorted(path for path in root.rglob("*") if path.is_file()):
        text, place = path.read_text(encoding="utf-8"), path.relative_to(root).as_posix()
        files[place.removesuffix(".j2")] = rendered_text(text, **facts) if path.suffix == ".j2" else text
    return files
