"""Snapshots of a history: all keys as they are at one moment, compared with the last state of each."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from lakehouse.declare.names import IS_DELETED, helper
from lakehouse.declare.sql_text import literal, quote
from lakehouse.declare.table import Table
from lakehouse.declare.write_modes import Scd2
from lakehouse.quality.rules.storable import unstorable
from lakehouse.write.modes.equal_states import Parts, history_sql, newest_first, nothing_new
from lakehouse.write.modes.mode import Publication
from lakehouse.write.run_kind import Replayed

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

# A column of the view: whether the row was rejected, so that only its key is known.
_IS_REJECTED, _PLACE = quote(helper("is-rejected")), quote(helper("place"))


def takes_all(mode: Scd2, publication: Publication) -> bool:
    """Whether the rows of a publish are all keys. A replay brings some rows that the last snapshot lacked."""
    return mode.snapshot and not isinstance(publication.kind, Replayed)


def with_rejected(good: "DataFrame", rejected: "DataFrame") -> "DataFrame":
    """The rows of a snapshot, those that did not pass too: what `snapshot_sql` reads."""
    from pyspark.sql import functions as F

    flag = helper("is-rejected")
    return good.withColumn(flag, F.lit(False)).unionByName(rejected.withColumn(flag, F.lit(True)))


def moment_sql(table: Table, mode: Scd2, moment: Mapping[str, str]) -> dict[str, str]:
    """The moment of a snapshot as SQL, by sequence column."""
    return {name: f"CAST({literal(moment[name])} AS {table.types[name]})" for name in mode.sequence}


def struct_at(moment: Mapping[str, str]) -> str:
    """The moment as one value that compares with the struct of a row's sequence columns."""
    return f"struct({', '.join(f'{sql} AS {quote(name)}' for name, sql in moment.items())})"


def _past(table: Table, mode: Scd2, version: int, at: Mapping[str, str]) -> str:
    """A query of the last rows of each key: the current ones, and those that a snapshot of this moment ended or made.

    No row of the table is after the moment, so that none of its rows that follow one of these is missing.
    """
    first = at[mode.sequence[0]]
    return f"SELECT * FROM {quote(table.name)} VERSION AS OF {version} WHERE _is_current OR _valid_to <=> {first}"


def missing_sql(table: Table, mode: Scd2, view: str, version: int, moment: Mapping[str, str]) -> str:
    """A query of the deletions of the keys that a snapshot does not have, each with the state that it ends.

    The key of a rejected row is not missing. If one of them has no whole key, it may be any: then none is missing.

    Args:
        table: The declaration.
        mode: Its write mode.
        view: The rows of `with_rejected`.
        version: Of the table.
        moment: Of the snapshot, as it is noted.
    """
    at = moment_sql(table, mode, moment)
    keys, sequence = ", ".join(map(quote, mode.on)), f"struct({', '.join(map(quote, mode.sequence))})"
    last = ", ".join(f"{quote(name)} DESC" for name in mode.sequence)
    values = ", ".join(
        f"{at[name]} AS {quote(name)}" if name in at else f"p.{quote(name)}" for name in table.column_names
    )
    same_key = " AND ".join(f"p.{quote(name)} = k.{quote(name)}" for name in mode.on)
    return f"""
        SELECT {values}, true AS {IS_DELETED}
        FROM (
            SELECT *, row_number() OVER (
                PARTITION BY {keys} ORDER BY {sequence} < {struct_at(at)} DESC, {last}
            ) AS {_PLACE}
            FROM ({_past(table, mode, version, at)})
        ) AS p
        LEFT ANTI JOIN (SELECT {keys} FROM {view}) AS k ON {same_key}
        WHERE p.{_PLACE} = 1 AND (SELECT count(*) FROM {view} WHERE {without_key(table, mode)}) = 0"""


def without_key(table: Table, mode: Scd2) -> str:
    """SQL: a rejected row does not say whose it is: its key is null, or is no value that a table can hold."""
    odd = [f"coalesce({sql}, false)" for name in mode.on if (sql := unstorable(name, table.types[name]))]
    return f"{_IS_REJECTED} AND ({' OR '.join([*(f'{quote(name)} IS NULL' for name in mode.on), *odd])})"


def snapshot_sql(table: Table, mode: Scd2, view: str, version: int, moment: Mapping[str, str]) -> str:
    """The rows that a snapshot adds, changes or takes away. Arguments as of `missing_sql`."""
    names = ", ".join(map(quote, table.column_names))
    missing = missing_sql(table, mode, view, version, moment)
    parts = Parts(
        past=_past(table, mode, version, moment_sql(table, mode, moment)),
        news=f"SELECT {names}, false AS {IS_DELETED} FROM {view} WHERE NOT {_IS_REJECTED} UNION ALL {missing}",
        order=newest_first(),
        adds_nothing=nothing_new(),
    )
    return history_sql(table, mode, parts)


def closed_sql(table: Table, mode: Scd2, view: str, version: int, moment: Mapping[str, str]) -> str:
    """A query of one row: how many rows a snapshot adds for missing keys, and how many rejected rows have no key."""
    at = moment_sql(table, mode, moment)
    sequence = f"struct({', '.join(map(quote, mode.sequence))})"
    same_key = " AND ".join(f"p.{quote(name)} = m.{quote(name)}" for name in mode.on)
    return f"""
        WITH missing AS ({missing_sql(table, mode, view, version, moment)}),
        past AS ({_past(table, mode, version, at)})
        SELECT (
            SELECT count(*) FROM past AS p LEFT SEMI JOIN missing AS m ON {same_key}
            WHERE _is_current AND {sequence} < {struct_at(at)}
        ), (SELECT count(*) FROM {view} WHERE {without_key(table, mode)})"""
