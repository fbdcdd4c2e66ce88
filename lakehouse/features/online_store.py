"""A table's version into the online store, all of it in one step, and only if it is new."""

import io
import json
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, redirect_stdout
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from lakehouse.declare.sql_text import quote
from lakehouse.errors import LakehouseError
from lakehouse.features.feast_store import ONLINE_FILE, PROJECT, feast_objects, folder, open_store, quiet
from lakehouse.features.feature_view import Features
from lakehouse.workspace import Workspace

DRAFT_FILE = "online.draft.db"
# Feast reads rows between two times; all of a table's rows are wanted. A margin for clocks of devices that run ahead.
_FIRST = datetime(1970, 1, 1, tzinfo=UTC)
_AHEAD = timedelta(days=3650)
_NOTES = "CREATE TABLE IF NOT EXISTS lakehouse_notes (view TEXT PRIMARY KEY, note TEXT NOT NULL)"


def note_of(workspace: Workspace, name: str) -> dict[str, Any]:
    """What a view in the online store was made from (`version`, `declaration`); empty where it was never filled.

    It is in the file of the rows, so the two cannot disagree, and is read without feast, whose import takes seconds.
    """
    file = folder(workspace) / ONLINE_FILE
    if not file.exists():
        return {}
    with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True, timeout=30)) as connection:
        made = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'lakehouse_notes'").fetchone()
        row = made and connection.execute("SELECT note FROM lakehouse_notes WHERE view = ?", (name,)).fetchone()
    return dict(json.loads(row[0])) if row else {}


def materialize(workspace: Workspace, features: Features, version: int, table_id: str | None = None) -> int:
    """Fill the online store from the table, which is at `version` or later; the caller holds the store's lock.

    The id of the table is noted beside: another table may come to stand at its name with the same version.

    Keys that the table has no more are gone from the store too. A reader sees the old rows or the new ones.

    Returns:
        Number of keys.

    Raises:
        LakehouseError: the store would not hold every key of the table; it is as it was.
    """
    # A thread of its own: Feast takes the thread's active session and changes it (`quotedRegexColumnNames` stays on).
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(_fill, workspace, features, version, table_id).result()


def _fill(workspace: Workspace, features: Features, version: int, table_id: str | None) -> int:
    from lakehouse.engine.session import connect

    where = workspace.folder(folder(workspace).name)
    online, draft = where / ONLINE_FILE, where / DRAFT_FILE
    draft.unlink(missing_ok=True)
    _copy(online, draft)
    session = connect(workspace)
    try:
        with quiet(), redirect_stdout(io.StringIO()):
            _pull(workspace, features, version, draft)
        expected = session.sql(f"SELECT count(DISTINCT {quote(features.key)}) FROM {quote(features.table)}").collect()[
            0
        ][0]
    finally:
        session.stop()
    keys = _note(draft, features, version, table_id)
    if keys != expected:
        raise LakehouseError(
            f"features `{features.name}` were not served anew, the online store is as it was.\n"
            f"  {features.key}  expected {expected} keys as in {features.table}, got {keys}\n"
            f"Rows without {features.event_at}, or far from now, cannot be served: mend them in {features.table}."
        )
    _copy(draft, online)
    draft.unlink()
    return keys


def _pull(workspace: Workspace, features: Features, version: int, draft: Path) -> None:
    """Feast's own way from the table to the draft."""
    with closing(sqlite3.connect(draft)) as connection:
        connection.execute(f'DROP TABLE IF EXISTS "{_table_of(features)}"')
    store = open_store(workspace, DRAFT_FILE)
    store.apply(list(feast_objects(features, {f"delta.{features.table}": str(version)})))
    store.materialize(_FIRST, datetime.now(UTC) + _AHEAD, feature_views=[features.name])


def _note(draft: Path, features: Features, version: int, table_id: str | None) -> int:
    """Say in the draft what it was made from; gives its number of keys."""
    note = {"table": features.table, "table_id": table_id, "version": version, "declaration": features.digest}
    with closing(sqlite3.connect(draft)) as connection, connection:
        connection.execute(_NOTES)
        connection.execute("REPLACE INTO lakehouse_notes VALUES (?, ?)", (features.name, json.dumps(note)))
        count = f'SELECT count(DISTINCT entity_key) FROM "{_table_of(features)}"'
        return int(connection.execute(count).fetchone()[0])


def _table_of(features: Features) -> str:
    """Feast's name of a view's table (`compute_table_id` in feast/infra/online_stores/helpers.py)."""
    return f"{PROJECT}_{features.name}"


def _copy(source: Path, target: Path) -> None:
    """Copy a SQLite file in one transaction of the target, under readers that have it open."""
    if source.exists():
        with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target, timeout=30)) as new:
            old.backup(new)
