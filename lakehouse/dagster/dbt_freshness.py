"""Which models of dbt are as they should be: from their notes and from the logs of what they read. Asks no server."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from lakehouse.dagster.dbt_models import Model
from lakehouse.delta.history import commit_of, last_note, open_table
from lakehouse.delta.note import Note
from lakehouse.delta.row_changes import last_row_change
from lakehouse.delta.tables import Tables, id_of
from lakehouse.errors import LakehouseError
from lakehouse.quality.judge import CheckResult
from lakehouse.workspace import Workspace
from lakehouse.write.ops_checks import audited

DBT_TEST = "dbt_test"
# What a note says of dbt's code beside the digest of the whole project: the digests of all models, by dbt's ids, which
# the project's macro `explain_commit` replaces by the one of the model that is made. A copy of an earlier release's
# macro leaves all of them there.
DIGESTS, _DIGEST = "dbt_digests", "dbt_digest"


def inputs_of(tables: Tables, models: Sequence[Model]) -> dict[str, Any]:
    """The versions of the sources that these models read.

    Raises:
        LakehouseError: one of them does not exist.
    """
    names = dict.fromkeys(name for model in models for name in model.sources)
    inputs = {name: last_row_change(tables.opened(name)) for name in names}
    missing = [name for name, version in inputs.items() if version is None]
    if missing:
        raise LakehouseError(f"dbt reads {', '.join(missing)}, which does not exist yet. Materialise it first.")
    return inputs


def ids_of(tables: Tables, inputs: Mapping[str, Any]) -> dict[str, str]:
    """Delta's ids of these tables: a version number means something for one table alone."""
    return {name: of for name in inputs if (of := id_of(tables.opened(name))) is not None}


def up_to_date(workspace: Workspace, models: Sequence[Model], made_now: Note) -> dict[str, tuple[CheckResult, ...]]:
    """The recorded test results of the models that are up to date and passed, by table. The others must be built.

    Args:
        workspace: Where the tables are.
        models: In the order of the graph.
        made_now: What a model that is made now says of itself.
    """
    known: dict[str, tuple[CheckResult, ...]] = {}
    chosen = {model.table for model in models}
    for model in models:
        results = _recorded(workspace, model, made_now)
        waits = any(parent in chosen and parent not in known for parent in model.parents)
        if results is not None and not waits and not _is_older_than_a_parent(workspace, model):
            known[model.table] = results
    return known


def _recorded(workspace: Workspace, model: Model, made_now: Note) -> tuple[CheckResult, ...] | None:
    """The results of a model's tests, if it was made of this code and of these versions of its sources, and passed."""
    delta = open_table(workspace, model.table)
    note = last_note(delta)
    if delta is None or note is None or not _is_of_this_code(note, made_now, model.unique_id):
        return None
    if any((note.inputs or {}).get(name) != (made_now.inputs or {})[name] for name in model.sources):
        return None
    # Older notes do not name the tables.
    ids, before = made_now.tables or {}, note.tables or made_now.tables or {}
    if any(before.get(name) != ids.get(name) for name in model.sources):
        return None
    results = [
        result for result in audited(workspace, model.table, delta.version(), id_of(delta)) if result.type == DBT_TEST
    ]
    failed = [result for result in results if not result.success and result.severity == "critical"]
    return None if failed or len(results) < len(model.tests) else tuple(results)


def _is_of_this_code(note: Note, made_now: Note, unique_id: str) -> bool:
    """Whether a model was made of what it is made of now; of the project's files others may have changed."""
    if note.code == made_now.code:
        return True
    made_of = note.beside.get(_DIGEST) or (note.beside.get(DIGESTS) or {}).get(unique_id)
    return made_of is not None and made_of == made_now.beside[DIGESTS][unique_id]


def _is_older_than_a_parent(workspace: Workspace, model: Model) -> bool:
    """Whether a table of dbt that a model reads got other rows after the model was made."""
    made = _changed_at(workspace, model.table)
    changes = [_changed_at(workspace, parent) for parent in model.parents]
    return any(change is not None and made is not None and change > made for change in changes)


def _changed_at(workspace: Workspace, name: str) -> datetime | None:
    """When the rows of a table changed last; None if there is none, or its log does not tell."""
    last, _ = commit_of(workspace, name, last_row_change(open_table(workspace, name)))
    return None if last is None else last.committed_at
