"""Files of something new: all of them are written or none, and nothing that is there is written over."""

import shutil
from collections.abc import Mapping
from pathlib import Path

from lakehouse.errors import LakehouseError
from lakehouse.rights import users_own


@users_own()
def write_new(project: Path, name: str, files: Mapping[Path, str], copies: Mapping[Path, Path] | None = None) -> None:
    """Write files that are not there yet.

    Args:
        project: Their project, for the message.
        name: What they are for.
        files: Texts by path.
        copies: Files to copy, by their new path.

    Raises:
        LakehouseError: one is there already; nothing was written.
    """
    copies = copies or {}
    there = [path for path in (*files, *copies) if path.exists()]
    if there:
        lines = "\n".join(f"  {path.relative_to(project)}" for path in there)
        raise LakehouseError(f"{name} was not made: what is there already is not written over.\n{lines}")
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    for path, original in copies.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(original, path)
