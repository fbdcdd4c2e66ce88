"""The way back from quarantine: fix rows, replay them through the door, or discard them, under the table's lock."""

import uuid
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lakehouse.declare.sql_text import literal, quote
from lakehouse.declare.table import Table, quarantine_of
from lakehouse.delta.note import Note
from lakehouse.delta.stamp import Stamp
from lakehouse.delta.tables import Tables
from lakehouse.engine.exact_json import exact_json, is_exact, value_of
from lakehouse.engine.expression import NO_FORM, NO_VALUE, alone, understood
from lakehouse.engine.session import Connection
from lakehouse.engine.statement import statement
from lakehouse.errors import LakehouseError, near_miss
from lakehouse.locks.table_lock import table_lock
from lakehouse.quality.rules.storable import unstorable_value
from lakehouse.runs.run import recover_if_open
from lakehouse.schema.create import FIXES_TYPE, ROW_ID, UNSTORABLE, UNSTORABLE_TYPE, ensure, quarantine_table
from lakehouse.sources.tables import snapshot
from lakehouse.write import quarantine
from lakehouse.write.batch import Batch, Published
from lakehouse.write.computed import computed
from lakehouse.write.disk_full import full_storage_named
from lakehouse.write.door import write
from lakehouse.write.note import who
from lakehouse.write.position import last_position
from lakehouse.write.quarantine_by_reference import DISCARDED, WAITING, WITHHELD
from lakehouse.write.retry import retried
from lakehouse.write.run_kind import Replayed

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# What a condition may ask of a rejected row beside its own columns.
FACTS = ("_row_id", "_broken_rules", "_run_id", "_quarantined_at", UNSTORABLE)


def fix(connection: Connection, table: Table, changes: Mapping[str, str], *, where: str = "true", why: str = "") -> int:
    """Change waiting rows. What they were, who changed them, when and why stays beside them in `_fixes`.

    Args:
        connection: The workspace.
        table: The table that rejected them.
        changes: SQL expressions over the row's columns, by the column that they set.
        where: SQL condition: which waiting rows.
        why: The reason.

    Returns:
        Rows changed.

    Raises:
        LakehouseError: a column that the table does not have, or SQL that cannot be read; nothing was changed.
    """
    names = table.brought_names
    for name in changes:
        if name not in names:
            near = near_miss(name, names)
            raise LakehouseError(
                f"{quarantine_of(table.name)} was not changed: `{name}` is no column of {table.name}"
                + (f" (did you mean `{near}`?)" if near else "")
            )
    if not changes:
        raise LakehouseError(f"{quarantine_of(table.name)} was not changed: say what, as in `name = trim(name)`")
    plain, odd = exact_json(table.types), exact_json({**table.types, UNSTORABLE: UNSTORABLE_TYPE})
    original = f"IF({UNSTORABLE} IS NULL, {plain}, {odd})"
    entry = (
        f"named_struct('original', {original}, 'by', {literal(who())}, 'at', current_timestamp(), "
        f"'why', {literal(why)})"
    )
    fixed = ", ".join(map(literal, changes))
    left = f"map_filter({UNSTORABLE}, (name, text) -> name NOT IN ({fixed}))"
    kept = {
        UNSTORABLE: f"IF(coalesce(cardinality({left}), 0) = 0, NULL, {left})",
        "_fixes": f"CAST(concat(coalesce(_fixes, array()), array({entry})) AS {FIXES_TYPE})",
    }
    return _update(connection, table, _Update("fix", WAITING, where, kept, changes))


def unfix(connection: Connection, table: Table, *, where: str = "true") -> int:
    """Take the last fix of waiting rows back: each is what it was before, bit by bit, and has one fix less.

    A column that the table got since the fix keeps its value.

    Args:
        connection: The workspace.
        table: The table that rejected them.
        where: SQL condition: which waiting rows; rows that were not fixed are left alone.

    Returns:
        Rows that are as before.

    Raises:
        LakehouseError: SQL that cannot be read, or fixes of an older release, which do not have all of a value; nothing
            was changed.
    """
    last = "element_at(_fixes, -1).original"
    # A fix of a value that no table can hold has kept its text; without one there was none.
    kept = value_of(last, UNSTORABLE, UNSTORABLE_TYPE)
    held = f"IF(array_contains(json_object_keys({last}), '{UNSTORABLE}'), {kept}, NULL)"
    sets = {
        **{quote(name): value_of(last, name, type_) for name, type_ in table.types.items()},
        UNSTORABLE: held,
        "_fixes": "slice(_fixes, 1, cardinality(_fixes) - 1)",
    }
    checked = {column: f"IF({is_exact(last)}, {sql}, raise_error({literal(NO_FORM)}))" for column, sql in sets.items()}
    return _update(connection, table, _Update("unfix", WAITING, where, checked, rows="cardinality(_fixes) > 0"))


def discard(connection: Connection, table: Table, *, where: str, why: str) -> int:
    """Give waiting rows up: they stay in the quarantine, marked, with who, when and why; `reopen` takes it back.

    Returns:
        Rows discarded.

    Raises:
        LakehouseError: no reason, or SQL that cannot be read; nothing was changed.
    """
    if not why.strip():
        raise LakehouseError(f"{quarantine_of(table.name)} was not changed: a discard needs its reason (`why`)")
    return _update(connection, table, _Update("discard", WAITING, where, _state(DISCARDED, why)))


def reopen(connection: Connection, table: Table, *, where: str = "true", why: str = "") -> int:
    """Take a discard back: the rows wait again.

    Returns:
        Rows that wait again.

    Raises:
        LakehouseError: SQL that cannot be read; nothing was changed.
    """
    return _update(connection, table, _Update("reopen", DISCARDED, where, _state(WAITING, why)))


def replay(connection: Connection, table: Table, *, where: str = "true", run_id: str | None = None) -> Published:
    """Bring waiting rows through the door again. What passes is published once and marked, the rest keeps waiting.

    Rows that fail do not stop the others; an expectation on the table as a whole does. The rows are added to what is
    there (merged, where the table merges), also in a table whose runs replace its rows.

    Args:
        connection: The workspace.
        table: The table that rejected them.
        where: SQL condition: which waiting rows.
        run_id: The run; made up where none is given.

    Raises:
        LakehouseError: see `lakehouse.write.door.write`; the table is as it was.
    """
    workspace, run_id = connection.workspace, run_id or uuid.uuid4().hex[:12]
    tables = Tables(workspace)
    what = f"replay {run_id} of {table.name}"
    with table_lock(workspace, table.name, what=what, say=connection.say), computed(workspace, table.name):
        recover_if_open(connection, tables, table)
        delta = tables.latest(table.name)
        there = quarantine.counts(workspace, table.name)
        if delta is None or not there[WAITING]:
            version = 0 if delta is None else delta.version()
            return Published(table.name, version, unchanged=True, messages=_of_withheld(table, there[WITHHELD]))
        session = connection.session()
        version = _brought_up_to_date(connection, tables, table)
        last = last_position(workspace, table.name, delta)
        note = None if last is None else last.note
        inputs = dict(note.inputs if note and note.inputs else {})
        batch = Batch(
            run_id,
            note.batch if note and note.batch else run_id,
            inputs=inputs,
            since=inputs,
            tables=dict(note.tables or {}) if note else {},
            code=note.code if note and note.code else "",
            commit=note.commit if note else None,
            kind=Replayed(version),
        )
        with _understood(table, f"{table.name} was not written"):
            rows = snapshot(session, quarantine_of(table.name), version)
            chosen = alone(rows.select(*_askable(table)), where)
            # A null that stands for what could not be stored is not what the row says.
            mended = rows.where(f"_state = '{WAITING}' AND {chosen} AND {UNSTORABLE} IS NULL")
            frame = mended.select(*table.brought_names, ROW_ID.name)
            return write(tables, session, table, frame, batch)


def _of_withheld(table: Table, rows: int) -> tuple[str, ...]:
    said = (
        f"{rows} rows are withheld: nothing of their batch was published. The next run of {table.name} reads it again, "
        f"mend the source, the transform or the rules before."
    )
    return (said,) if rows else ()


def _brought_up_to_date(connection: Connection, tables: Tables, table: Table) -> int:
    """The quarantine's version, once it has the columns that the table has now."""
    return ensure(tables, connection.session(), quarantine_table(table)).version()


def _state(state: str, why: str) -> dict[str, str]:
    return {
        "_state": f"'{state}'",
        "_state_at": "current_timestamp()",
        "_state_by": literal(who()),
        "_state_why": literal(why),
    }


@dataclass(frozen=True)
class _Update:
    """A change of rows of a quarantine.

    Args:
        action: For the note.
        state: Of the rows that it may be made of.
        where: A person's condition: which of them.
        sets: Our own SQL by column.
        changes: A person's expressions by column.
        rows: Our own condition on the rows.
    """

    action: str
    state: str
    where: str
    sets: Mapping[str, str]
    changes: Mapping[str, str] = field(default_factory=dict)
    rows: str = "true"


def _update(connection: Connection, table: Table, update: _Update) -> int:
    workspace, name = connection.workspace, quarantine_of(table.name)
    tables = Tables(workspace)
    with table_lock(workspace, table.name), computed(workspace, name):
        recover_if_open(connection, tables, table)
        if tables.latest(name) is None:
            return 0
        session = connection.session()
        _brought_up_to_date(connection, tables, table)
        # The conditions are not noted: they may hold values of the data.
        stamp = Stamp(None, 0, Note(name, run=uuid.uuid4().hex[:12], action=update.action, who=who()))
        with _understood(table, f"{name} was not changed"), full_storage_named(workspace, name):
            rows = session.table(quote(name))
            own = rows.select(*map(quote, (*table.brought_names, UNSTORABLE)))
            changed = {
                quote(column): _storable(alone(own, sql), table.types[column]) for column, sql in update.changes.items()
            }
            chosen = alone(rows.select(*_askable(table)), update.where)
            assignments = ", ".join(f"{column} = {sql}" for column, sql in {**changed, **update.sets}.items())
            sql = (
                f"UPDATE {quote(name)} SET {assignments} WHERE _state = '{update.state}' AND {update.rows} AND {chosen}"
            )
            return retried(name, lambda: _affected(session, stamp, sql))


def _storable(sql: str, type_: str) -> str:
    """A person's expression; a value of it that no table can hold is an error."""
    outside = unstorable_value(f"CAST(({sql}) AS {type_})", type_)
    return f"IF({outside}, raise_error({literal(NO_VALUE)}), ({sql}))" if outside else sql


def _askable(table: Table) -> tuple[str, ...]:
    """The columns that a condition may name: the row's own, and what a person may know of a rejected row."""
    return tuple(map(quote, (*table.brought_names, *FACTS)))


def _affected(session: "SparkSession", stamp: Stamp, update: str) -> int:
    with statement(session, stamp=stamp):
        return int(session.sql(update).collect()[0]["num_affected_rows"])


def _understood(table: Table, doing: str) -> AbstractContextManager[None]:
    return understood(doing, f"{', '.join(table.brought_names)}; a condition also over {', '.join(FACTS)}")
