"""What `lakehouse init` and `lakehouse upgrade` wrote into a project: `.scaffold.json`, which is committed with it.

A file whose digest is that of the record was not edited since.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from lakehouse.errors import LakehouseError
from lakehouse.rights import users_own

FILE = ".scaffold.json"


@dataclass(frozen=True)
class Record:
    """What was written.

    Args:
        name: Of the project.
        library: The release of the library that wrote it.
        files: Digests of the files that `upgrade` keeps up to date, by their path in the project.
    """

    name: str
    library: str
    files: Mapping[str, str]


def digest(text: str) -> str:
    """The digest of a file's text."""
    return hashlib.sha256(text.encode()).hexdigest()


def read_record(project: Path) -> Record:
    """The record of a project.

    Raises:
        LakehouseError: it has none, or one that cannot be read.
    """
    try:
        return Record(**json.loads((project / FILE).read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise LakehouseError(
            f"{project} has no {FILE}: it was not made by `lakehouse init`, so there is nothing to upgrade. Run in the "
            "project's folder, or set LAKEHOUSE_PROJECT to it."
        ) from None
    except (ValueError, TypeError) as error:
        raise LakehouseError(f"{project / FILE} cannot be read: {error}. Take it back from your history.") from error


@users_own()
def write_record(project: Path, record: Record) -> None:
    """Write the record of a project."""
    (project / FILE).write_text(json.dumps(asdict(record), indent=1, sort_keys=True) + "\n", encoding="utf-8")


@users_own()
def write_file(path: Path, text: str) -> None:
    """Write a file of a project; a script can be run."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    if text.startswith("#!"):
        path.chmod(0o755)
