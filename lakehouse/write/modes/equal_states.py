"""Histories in which a change adds nothing that equals the state before it; the rows of one MERGE, as a query.

A row that stands for later changes keeps their sequences: they are equal in all else, so that each of them can be made
again when a change comes late between two of them. Without that, the rows would depend on the order of arrival.
"""

from dataclasses import dataclass

from lakehouse.declare.names import IS_DELETED, SAME_AT, helper
from lakehouse.declare.sql_text import quote
from lakehouse.declare.table import Table
from lakehouse.declare.write_modes import Scd2
from lakehouse.write.modes.comparable import comparable_struct
from lakehouse.write.modes.mode import deletes, ordering, rows_at

# A column of the statement's source: whether the row of this key and sequence goes from the table.
GONE = quote(helper("gone"))
# Columns of the query beside the history's own, each quoted.
_IS_NEW, _IS_ROW, _WAS, _IS_STORED = (quote(helper(word)) for word in ("is-new", "is-row", "was", "is-stored"))
_RANK, _STATE, _BEFORE, _WAS_DELETED = (quote(helper(word)) for word in ("rank", "state", "before", "was-deleted"))
_ADDS_NOTHING, _RUN, _NEXT, _IS_LAST = (quote(helper(word)) for word in ("adds-nothing", "run", "next", "is-last"))


@dataclass(frozen=True)
class Parts:
    """What the history of some keys is made from: three parts of a query.

    Args:
        past: A query of the table's rows: of each key all, or the last ones from some moment on.
        news: A query of the changes that came: the declared columns, and `_is_deleted`.
        order: Of several changes of one key and sequence the first in this order stays.
        adds_nothing: Whether a change adds no row, from itself and the change before it.
    """

    past: str
    news: str
    order: str
    adds_nothing: str


def joined_sql(table: Table, mode: Scd2, view: str, version: int | None) -> str:
    """The rows that a batch of changes adds, changes or takes away (`GONE`), with the columns of the history.

    Args:
        table: The declaration.
        mode: Its write mode.
        view: The batch.
        version: Of the table, whose rows are the past of the batch's keys; None for a history that begins with it.
    """
    names, keys = _listed(table.column_names), _listed(mode.on)
    same_key = " AND ".join(f"p.{quote(name)} = k.{quote(name)}" for name in mode.on)
    greatest = f"{IS_DELETED} DESC, {ordering(table.columns)} DESC, {_IS_NEW}"
    parts = Parts(
        past=f"SELECT p.* FROM {rows_at(table, version)} AS p "
        f"LEFT SEMI JOIN (SELECT DISTINCT {keys} FROM {view}) AS k ON {same_key}",
        news=f"SELECT {names}, {deletes(mode)} AS {IS_DELETED} FROM {view}",
        order=newest_first() if mode.snapshot else greatest,
        adds_nothing=nothing_new() if mode.snapshot else f"{_BEFORE} <=> {_STATE}",
    )
    return history_sql(table, mode, parts)


def nothing_new() -> str:
    """SQL: a change that came equals the state before it, or deletes a key that is not there."""
    return f"{_IS_NEW} AND ({_BEFORE} <=> {_STATE} OR ({IS_DELETED} AND coalesce({_WAS_DELETED}, true)))"


def newest_first() -> str:
    """SQL order: what came takes the place of what is stored."""
    return f"{_IS_NEW} DESC"


def history_sql(table: Table, mode: Scd2, parts: Parts) -> str:
    """The rows of a history that are not stored as they are to be."""
    names, keys, sequence = _listed(table.column_names), _listed(mode.on), _listed(mode.sequence)
    moment, own = quote(mode.sequence[0]), {*mode.on, *mode.sequence}
    state = comparable_struct((c for c in table.columns if c.name not in own), IS_DELETED)
    same_at = f", {SAME_AT}" if mode.joins_equal_states else ""
    stored = comparable_struct(table.columns, IS_DELETED, "_valid_to", "_is_current") + same_at
    stored = f"struct({stored})"
    last = ", ".join(f"{quote(name)} DESC" for name in mode.sequence)
    return f"""
        WITH past AS ({parts.past}),
        changes AS (
            SELECT {names}, {IS_DELETED}, false AS {_IS_NEW}, true AS {_IS_ROW}, {stored} AS {_WAS} FROM past
            {_made_again(table, mode)}
            UNION ALL SELECT {names}, {IS_DELETED}, true, false, NULL FROM ({parts.news})
        ),
        ranked AS (
            SELECT {names}, {IS_DELETED}, {_IS_NEW}, {state} AS {_STATE},
                row_number() OVER (PARTITION BY {keys}, {sequence} ORDER BY {parts.order}) AS {_RANK},
                max({_IS_ROW}) OVER (PARTITION BY {keys}, {sequence}) AS {_IS_STORED},
                max({_WAS}) OVER (PARTITION BY {keys}, {sequence}) AS {_WAS}
            FROM changes
        ),
        compared AS (
            SELECT *, lag({_STATE}) OVER (PARTITION BY {keys} ORDER BY {sequence}) AS {_BEFORE},
                lag({IS_DELETED}) OVER (PARTITION BY {keys} ORDER BY {sequence}) AS {_WAS_DELETED}
            FROM ranked WHERE {_RANK} = 1
        ),
        runs AS (
            SELECT *, sum(if({_ADDS_NOTHING}, 0, 1)) OVER (PARTITION BY {keys} ORDER BY {sequence}) AS {_RUN}
            FROM (SELECT *, {parts.adds_nothing} AS {_ADDS_NOTHING} FROM compared)
        ),
        history AS (
            SELECT *, lead({moment}) OVER (PARTITION BY {keys} ORDER BY {sequence}) AS {_NEXT},
                row_number() OVER (PARTITION BY {keys} ORDER BY {last}) = 1 AS {_IS_LAST}
            FROM (SELECT *{_sequences_of_run(mode)} FROM runs) WHERE NOT {_ADDS_NOTHING}
        ),
        dated AS (
            SELECT {names}, {moment} AS _valid_from, if({IS_DELETED}, {moment}, {_NEXT}) AS _valid_to,
                {_IS_LAST} AND NOT {IS_DELETED} AS _is_current, {IS_DELETED}{same_at}, {_IS_STORED}, {_WAS}
            FROM history
        )
        SELECT * EXCEPT ({_IS_STORED}, {_WAS}), false AS {GONE} FROM dated
        WHERE NOT ({_IS_STORED} AND {_WAS} <=> {stored})
        UNION ALL
        SELECT {names}, NULL, NULL, NULL, {IS_DELETED}{", NULL" if same_at else ""}, true
        FROM runs WHERE {_ADDS_NOTHING} AND {_IS_STORED}"""


def _made_again(table: Table, mode: Scd2) -> str:
    """SQL: the changes that stored rows stand for."""
    if not mode.joins_equal_states:
        return ""
    at = quote(helper("at"))
    names = ", ".join(f"{at}.{quote(n)}" if n in mode.sequence else quote(n) for n in table.column_names)
    return (
        f"UNION ALL SELECT {names}, {IS_DELETED}, false, false, NULL "
        f"FROM past LATERAL VIEW explode({SAME_AT}) {quote(helper('again'))} AS {at}"
    )


def _sequences_of_run(mode: Scd2) -> str:
    """SQL: the sequences of the changes that add nothing after the same row, in their order."""
    if not mode.joins_equal_states:
        return ""
    sequence = f"struct({_listed(mode.sequence)})"
    adds_nothing = f"collect_list(if({_ADDS_NOTHING}, {sequence}, NULL))"
    return f", array_sort({adds_nothing} OVER (PARTITION BY {_listed(mode.on)}, {_RUN})) AS {SAME_AT}"


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(map(quote, names))
