"""What a suite becomes: rules on rows, rules on the whole table, and the rest. Frozen and pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from lakehouse.declare.sql_text import quote
from lakehouse.quality.suite.suite import Expectation


@dataclass(frozen=True)
class Reference:
    """Keys of another table, which a row rule looks into.

    Args:
        flag: Column that is true for a row whose key is there, else null; no declared column can have its name.
        columns: The key in the table that is judged.
        types: Spark SQL types of these.
        table: The other table, `layer.entities`.
        other_columns: The key there.
        version: The other table's version that is looked into; None before it is pinned.
    """

    flag: str
    columns: tuple[str, ...]
    types: tuple[str, ...]
    table: str
    other_columns: tuple[str, ...]
    version: int | None = None


@dataclass(frozen=True)
class RowRule:
    """A rule that each row keeps or breaks by itself.

    Args:
        expectation: What it came from.
        broken: SQL predicate, never null: the row breaks the rule.
        considered: SQL predicate, never null: the row counts in the share that `mostly` is about.
        counted: SQL predicate, never null: the row counts as an element (the row condition; all rows without one).
        needs_shuffle: Its predicate has a window: the rows must be brought together by value.
        reference: The keys of another table that its predicates look into; None if it needs the row alone.
    """

    expectation: Expectation
    broken: str
    considered: str = "true"
    counted: str = "true"
    needs_shuffle: bool = False
    reference: Reference | None = None

    @property
    def name(self) -> str:
        """Name of the check."""
        return self.expectation.check_name

    @property
    def label(self) -> str:
        """The rule in words, as in `_broken_rules`."""
        return self.expectation.label

    @property
    def quarantines(self) -> bool:
        """Whether a row that breaks it cannot be published: the rule is critical."""
        return self.expectation.severity == "critical"


@dataclass(frozen=True)
class Outcome:
    """What a rule on the whole table came to."""

    success: bool
    observed: Any = None
    element_count: int | None = None
    unexpected_count: int | None = None
    considered_count: int | None = None


@dataclass(frozen=True)
class Grouping:
    """The rows brought together by value, for rules on how often a value occurs.

    Args:
        keys: Columns.
        where: SQL predicate, never null: which rows.
        member: SQL predicate over the keys: which values count as members of the rule's set.
        modes: Whether the most common values are asked for.
        entropy: Whether `other_log_sum` is asked for: over the values that are no members, n times ln n summed, where
            a value occurs n times.
        repeats: Whether `repeated_rows` is asked for.
        whole: Whether there is one key, and it is a whole number.
    """

    keys: tuple[str, ...]
    where: str
    member: str = "false"
    modes: bool = False
    entropy: bool = False
    repeats: bool = False
    whole: bool = False

    @property
    def by_bits(self) -> bool:
        """Whether the values can be counted by bits: it must not matter which value occurs, and how often each."""
        return self.whole and self.member == "false" and not self.modes and not self.entropy


@dataclass(frozen=True)
class AggregateRule:
    """A rule that only the table as a whole keeps or breaks.

    Args:
        expectation: What it came from.
        sql: Named aggregate expressions, for the one aggregate over the table.
        verdict: From their values by name to what came of it.
        grouping: Where values must be counted; its figures come to `verdict` as `values`, `repeated_rows`, `members`
            and, where asked for, `modes` and `member_modes` or `other_log_sum`.
        then: Further aggregate expressions, named, from the values of the first: a second look at the rows.
        query: SQL over `{batch}`, which stands for the rows; how many rows it gives comes to `verdict` as `query_rows`.
    """

    expectation: Expectation
    sql: tuple[tuple[str, str], ...]
    verdict: Callable[[Mapping[str, Any]], Outcome]
    grouping: Grouping | None = None
    then: Callable[[Mapping[str, Any]], tuple[tuple[str, str], ...]] | None = None
    query: str | None = None


@dataclass(frozen=True)
class Compiled:
    """A suite, ready to judge.

    Args:
        rows: Rules on rows; their order is the order of the masks' bits.
        aggregates: Rules on the table.
        rest: Expectations that GX itself judges.
    """

    rows: tuple[RowRule, ...] = ()
    aggregates: tuple[AggregateRule, ...] = ()
    rest: tuple[Expectation, ...] = ()

    @property
    def expectations(self) -> tuple[Expectation, ...]:
        """All that will be judged."""
        return tuple(rule.expectation for rule in self.rows) + self.on_all

    @property
    def on_all(self) -> tuple[Expectation, ...]:
        """Those that are about all rows together."""
        return tuple(rule.expectation for rule in self.aggregates) + self.rest


def declared(label: str, column: str | None, broken: str) -> RowRule:
    """A rule of the table's declaration: its failing rows always go to quarantine, and it never blocks.

    That is what GX's words say of a critical expectation with `mostly` 0, so it needs no case of its own.

    Args:
        label: The rule in a word, such as `not_null`.
        column: The column, where there is one.
        broken: SQL predicate: the row breaks the rule; null counts as kept.
    """
    kwargs = {"column": column} if column else {}
    return RowRule(Expectation(f"declared_{label}", kwargs, mostly=0.0), f"coalesce({broken}, false)")


def declared_not_null(column: str) -> RowRule:
    """NOT NULL of the declaration, and the keys of a merge."""
    return declared("not_null", column, f"{quote(column)} IS NULL")


def is_met(element_count: int, considered: int, unexpected: int, mostly: float) -> bool:
    """GX's verdict on rows: true where nothing was considered, else by the share that holds."""
    if element_count == 0 or considered == 0:
        return True
    return (float(considered) - float(unexpected)) / float(considered) >= mostly
