"""What an expectation speaks of: the rows that a run brings, or the table as it is with them."""

from dataclasses import dataclass, replace

from lakehouse.declare.table import Table
from lakehouse.declare.write_modes import Merge, Scd2
from lakehouse.errors import SuiteError
from lakehouse.quality.rules.rule import Compiled
from lakehouse.quality.rules.schema import SCHEMA_RULES
from lakehouse.quality.suite.expectation import BATCH, SCOPE, TABLE, Expectation

__all__ = ["BATCH", "SCOPE", "TABLE", "Scoped", "by_scope"]


@dataclass(frozen=True)
class Scoped:
    """The rules of a table by what they speak of.

    Args:
        batch: Of the rows that a run brings; the order of its rules on rows is the order of the masks' bits.
        table: Of all rows that the table has with them.
    """

    batch: Compiled
    table: Compiled


def by_scope(compiled: Compiled, table: Table) -> Scoped:
    """The rules of a table, told apart by what they speak of.

    The `scope` in an expectation's `meta` says which. Without it a rule on rows speaks of the batch, for its failing
    rows go to quarantine. A rule on the whole speaks of the table if that has a key: what comes are corrections then.
    It speaks of the batch in other tables, and if it is about columns alone or about a signal, which no table has. A
    snapshot is all keys, so that the rules of its history speak of the batch.

    Args:
        compiled: The rules.
        table: The declaration of the table.
    """

    def is_of_table(expectation: Expectation, *, on_rows: bool) -> bool:
        if table.takes_snapshots and expectation.scope == TABLE:
            raise SuiteError(
                f"{table.name}: `{expectation.label}` cannot speak of the table, which is a history of snapshots: each "
                f"batch is all keys. Leave `{SCOPE}` out of its meta; its table is not written until then."
            )
        if expectation.scope is not None or table.takes_snapshots:
            return expectation.scope == TABLE
        is_stored = set(expectation.columns) <= set(table.stored_names)
        is_keyed = isinstance(table.write, Merge | Scd2)
        return is_keyed and is_stored and not on_rows and expectation.type not in SCHEMA_RULES

    def part(*, of_table: bool) -> Compiled:
        return replace(
            compiled,
            rows=tuple(r for r in compiled.rows if is_of_table(r.expectation, on_rows=True) == of_table),
            aggregates=tuple(r for r in compiled.aggregates if is_of_table(r.expectation, on_rows=False) == of_table),
            rest=tuple(rule for rule in compiled.rest if is_of_table(rule, on_rows=False) == of_table),
        )

    return Scoped(part(of_table=False), part(of_table=True))
