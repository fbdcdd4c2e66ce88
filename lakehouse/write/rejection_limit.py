"""How much of a batch may be rejected: beyond it nothing is published, and the rejected rows are withheld."""

from collections.abc import Mapping, Sequence

from lakehouse.declare.table import Table
from lakehouse.quality.results import CheckResult
from lakehouse.write.stage import BAD
from lakehouse.write.table_rules import MAX_REJECTED

# Where a table declares no limit: of so few rows half says nothing of the batch.
DEFAULT_SHARE, DEFAULT_ROWS = 0.5, 20


def over_limit(table: Table, rows: Mapping[str, int]) -> CheckResult | None:
    """The failed check of a batch of which more rows are rejected than the table allows; None if it is within.

    Args:
        table: The declaration.
        rows: Staged rows by verdict.
    """
    came, rejected = sum(rows.values()), rows.get(BAD, 0)
    is_declared = table.max_rejected is not None
    share = DEFAULT_SHARE if table.max_rejected is None else table.max_rejected
    if rejected <= share * came or (not is_declared and came < DEFAULT_ROWS):
        return None
    return CheckResult(
        name=MAX_REJECTED,
        label=f"at most {share * 100:.4g} % of the rows are rejected (max_rejected)",
        type=f"declared_{MAX_REJECTED}",
        column=None,
        severity="critical",
        success=False,
        element_count=came,
        unexpected_count=rejected,
        unexpected_percent=rejected / came * 100,
    )


def is_over_limit(results: Sequence[CheckResult]) -> bool:
    """Whether a batch with these results was refused for its many rejected rows."""
    return any(result.type == f"declared_{MAX_REJECTED}" and not result.success for result in results)


def most_broken(results: Sequence[CheckResult], limit: int = 3) -> tuple[CheckResult, ...]:
    """The rules on rows that the most rows break, most first."""
    broken = [result for result in results if result.is_row_rule and result.unexpected_count]
    return tuple(sorted(broken, key=lambda result: -(result.unexpected_count or 0))[:limit])
