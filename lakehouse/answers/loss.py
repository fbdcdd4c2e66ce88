"""What would be lost with a table, from the logs alone: rows, versions, bytes, quarantine, how far its readers are."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lakehouse.declare.table import INTERNAL_LAYERS, LAYERS
from lakehouse.delta.history import Commit, commit_of, open_table, rows_of
from lakehouse.delta.log import log_of
from lakehouse.delta.tables import table_names
from lakehouse.errors import UNREADABLE
from lakehouse.storage import list_files, locate
from lakehouse.workspace import Workspace
from lakehouse.write.intent import intent_place, set_aside_place
from lakehouse.write.position import last_position
from lakehouse.write.quarantine import STATES, counts
from lakehouse.write.stored_places import places_of

# Changes of the declaration and upkeep are commits too, and say nothing of a checkout.
_LOOKED_AT = 20


@dataclass(frozen=True)
class ReadUpTo:
    """How far a stored table has read another.

    Args:
        reader: `layer.entities`.
        until: The position: a version, or what the kind of input counts by.
    """

    reader: str
    until: Any


@dataclass(frozen=True)
class Loss:
    """What is stored of a table.

    Args:
        table: `layer.entities`.
        places: Where, below the warehouse; the table's own folder is the first, and is named if it is gone too.
        version: Delta's, the latest; None if there is no log.
        versions: How many versions the log still has.
        rows: Rows now; None if the log does not say, or is damaged.
        bytes: Of all files of the tables among them, those of older versions too.
        quarantined: Rows of its quarantine by state; empty if it has none.
        has_decision: A run has decided what to publish and was cut off; its rows are staged in the table's folder.
        read_up_to: The tables that have read it, and how far.
        last_commit: The newest commit; None if there is none, or it cannot be read.
    """

    table: str
    places: tuple[str, ...]
    version: int | None = None
    versions: int = 0
    rows: int | None = None
    bytes: int = 0
    quarantined: Mapping[str, int] = field(default_factory=dict)
    has_decision: bool = False
    read_up_to: tuple[ReadUpTo, ...] = ()
    last_commit: Commit | None = None

    @property
    def is_stored(self) -> bool:
        """Whether there is a Delta log."""
        return self.version is not None


def stored_names(workspace: Workspace) -> list[str]:
    """All tables below the warehouse, quarantine and the library's own among them, by layer."""
    return [*table_names(workspace), *table_names(workspace, INTERNAL_LAYERS)]


def loss_of(workspace: Workspace, name: str) -> Loss:
    """What is stored of `layer.entities`, and who has read it. Starts no job; also of a table whose log is damaged."""
    own, *others = places_of(name)
    places = (own, *(place for place in others if _is_there(workspace, place)))
    tables = [place for place in places if place not in (intent_place(name), set_aside_place(name))]
    log = log_of(workspace.table_path(name))
    return Loss(
        table=name,
        places=places,
        version=log.latest,
        versions=len(log.commits),
        rows=_rows(workspace, name),
        bytes=sum(file.size for place in tables for file in list_files(f"{workspace.warehouse}/{place}")),
        quarantined=_quarantined(workspace, name),
        has_decision=intent_place(name) in places,
        read_up_to=_read_up_to(workspace, name),
        last_commit=readable_commit(workspace, name),
    )


def readable_commit(workspace: Workspace, name: str, version: int | None = None) -> Commit | None:
    """The newest commit of a table, or that of a version; None if there is none, or it cannot be read."""
    try:
        return commit_of(workspace, name, version)[0]
    except ValueError:
        return None


def made_from(workspace: Workspace, name: str) -> str | None:
    """The commit of the checkout that a table was made from last; None if none of its last versions says so."""
    versions = sorted(log_of(workspace.table_path(name)).commits, reverse=True)[:_LOOKED_AT]
    for version in versions:
        commit = readable_commit(workspace, name, version)
        if commit is not None and commit.note is not None and commit.note.commit:
            return commit.note.commit
    return None


def _is_there(workspace: Workspace, place: str) -> bool:
    from pyarrow.fs import FileType

    store, path = locate(f"{workspace.warehouse}/{place}")
    return bool(store.get_file_info(path).type != FileType.NotFound)


def _rows(workspace: Workspace, name: str) -> int | None:
    try:
        table = open_table(workspace, name)
    except UNREADABLE:
        return None
    return None if table is None else rows_of(table)


def _quarantined(workspace: Workspace, name: str) -> dict[str, int]:
    if name.partition(".")[0] not in LAYERS:
        return {}
    try:
        rows = counts(workspace, name)
    except UNREADABLE:
        return {}
    return rows if any(rows[state] for state in STATES) else {}


def _read_up_to(workspace: Workspace, name: str) -> tuple[ReadUpTo, ...]:
    """From the positions of all stored tables, whoever declares them."""
    reads = []
    for reader in table_names(workspace):
        try:
            position = last_position(workspace, reader, open_table(workspace, reader))
        except UNREADABLE:
            continue  # its own run says what is wrong with it
        note = position and position.note
        sources, inputs = (note.sources or {}, note.inputs or {}) if note else ({}, {})
        reads += [ReadUpTo(reader, until) for given, until in inputs.items() if sources.get(given, given) == name]
    return tuple(read for read in reads if read.reader != name)
