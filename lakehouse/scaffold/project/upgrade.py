"""`lakehouse upgrade`: the machinery of a project as the installed library has it, where the user has not edited it."""

import difflib
from dataclasses import dataclass
from pathlib import Path

from lakehouse.scaffold.project.record import Record, digest, read_record, write_file, write_record
from lakehouse.scaffold.project.templates import KEPT, Library, installed_library, render


@dataclass(frozen=True)
class Upgrade:
    """What an upgrade does to a project.

    Args:
        before: The release of the library that the project was last written by.
        after: The one that is installed.
        written: Files to write, by their path in the project.
        edited: Files that are left alone because they were edited, with the library's text of them.
        removed: Files that are left out because they were removed from the project.
        dropped: Files that the library makes no longer; they stay, and are the user's from now on.
        record: The project's record afterwards.
    """

    before: str
    after: str
    written: dict[str, str]
    edited: dict[str, str]
    removed: tuple[str, ...]
    dropped: tuple[str, ...]
    record: Record

    def differences(self, project: Path) -> str:
        """What separates the edited files from the library's, as a unified diff."""
        lines: list[str] = []
        for place, text in self.edited.items():
            ours = (project / place).read_text(encoding="utf-8").splitlines(keepends=True)
            lines += difflib.unified_diff(ours, text.splitlines(keepends=True), place, f"{place} of {self.after}")
        return "".join(lines)


def plan_upgrade(project: Path, library: Library | None = None) -> Upgrade:
    """What an upgrade would do. Writes nothing.

    Args:
        project: The project's folder.
        library: What the project is to be upgraded to; the installed library, if it is not given.

    Raises:
        LakehouseError: the project was not made by `lakehouse init`.
    """
    record, library = read_record(project), library or installed_library()
    written, edited, removed, digests = {}, {}, [], {}
    for place, text in render(KEPT, record.name, library).items():
        path, recorded = project / place, record.files.get(place)
        if not path.exists():
            if recorded is None:
                written[place] = text
            else:
                removed.append(place)
                digests[place] = recorded
            continue
        current = digest(path.read_text(encoding="utf-8"))
        if current == digest(text):
            digests[place] = current
        elif current == recorded:
            written[place] = text
        else:
            edited[place] = text
            digests |= {place: recorded} if recorded else {}
    digests |= {place: digest(text) for place, text in written.items()}
    known = {*digests, *edited}
    dropped = tuple(sorted(place for place in record.files if place not in known))
    after = Record(record.name, library.version, digests)
    return Upgrade(record.library, library.version, written, edited, tuple(removed), dropped, after)


def upgrade_project(project: Path, upgrade: Upgrade) -> None:
    """Write what a planned upgrade writes."""
    for place, text in upgrade.written.items():
        write_file(project / place, text)
    write_record(project, upgrade.record)
