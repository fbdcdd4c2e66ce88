"""Results: what came of each expectation, and what that means for a publish."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from lakehouse.quality.rules.rule import Outcome
from lakehouse.quality.suite.expectation import BATCH
from lakehouse.quality.suite.suite import Expectation


@dataclass(frozen=True)
class CheckResult:
    """What came of one expectation.

    Args:
        name: Stable name within its suite, `[A-Za-z0-9_]`.
        label: The rule in words.
        type: GX's name of the expectation.
        column: The column or columns, None for a rule on the table.
        severity: `critical`, `warning` or `info`.
        success: Whether it holds, `mostly` counted.
        element_count: Rows looked at (those of the row condition), where the rule is one on rows.
        unexpected_count: Rows that break it.
        unexpected_percent: Their share of the rows considered, in percent; None where none was considered.
        observed: What was measured, for rules on the table; table and version, for a rule that looks into another
            table; the reason, if it could not be computed.
        rule_id: GX's id of the expectation.
        missing_count: Rows looked at that were not considered; None where all are.
        is_row_rule: Whether the rows that break it are known one by one.
        error: Why it could not be computed, without values of the data; then it has failed.
        rule: Digest of the expectation as it stood; None for what is no expectation of a suite.
        scope: What it speaks of: `batch`, the rows that came, or `table`, all rows that the table has with them.
    """

    name: str
    label: str
    type: str
    column: str | None
    severity: str
    success: bool
    element_count: int | None = None
    unexpected_count: int | None = None
    unexpected_percent: float | None = None
    observed: Any = None
    rule_id: str | None = None
    missing_count: int | None = None
    is_row_rule: bool = False
    error: str | None = None
    rule: str | None = None
    scope: str = BATCH

    @property
    def unexpected_percent_total(self) -> float | None:
        """Share of all rows looked at, in percent."""
        if not self.element_count or self.unexpected_count is None:
            return None
        return self.unexpected_count / self.element_count * 100

    @property
    def missing_percent(self) -> float | None:
        """Share of rows not considered, in percent."""
        if not self.element_count or self.missing_count is None:
            return None
        return self.missing_count / self.element_count * 100

    @property
    def got(self) -> str:
        """What was counted or measured, without values of rows."""
        if self.unexpected_count is None:
            return f"{self.observed}"
        return f"{self.unexpected_count} of {self.element_count} rows against it"

    @property
    def against(self) -> str:
        """A failed check in words."""
        return f"{self.label}  expected to hold, got {self.got}"

    def to_json(self) -> dict[str, Any]:
        """Plain values; what JSON does not know is shown as text."""
        values = dict(json.loads(json.dumps(asdict(self), default=str)))
        # As earlier releases have written it.
        unsaid = {"rule": None, "scope": BATCH}
        return {name: value for name, value in values.items() if name not in unsaid or value != unsaid[name]}

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> "CheckResult":
        """The result that `to_json` gave."""
        return cls(**fields)


@dataclass(frozen=True)
class Verdict:
    """What results mean for a publish.

    Args:
        blocking: Critical checks that failed: nothing is published.
        quarantine: Names of critical row rules that hold by `mostly` and have failing rows: those rows are quarantined.
    """

    blocking: tuple[CheckResult, ...]
    quarantine: tuple[str, ...]

    @property
    def publishes(self) -> bool:
        """Whether the good rows may be published."""
        return not self.blocking


def verdict(results: Sequence[CheckResult]) -> Verdict:
    """Critical and failing blocks; critical and holding by `mostly` quarantines its rows; the others are recorded."""
    critical = [result for result in results if result.severity == "critical"]
    return Verdict(
        blocking=tuple(result for result in critical if not result.success),
        quarantine=tuple(r.name for r in critical if r.success and r.is_row_rule and r.unexpected_count),
    )


def failed_check(expectation: Expectation, reason: str) -> CheckResult:
    """An expectation that could not be computed: a failed check of its severity."""
    return replace(result_of(expectation, Outcome(False, f"could not be computed: {reason}")), error=reason)


def result_of(expectation: Expectation, outcome: Outcome, *, is_row_rule: bool = False) -> CheckResult:
    """A result from an outcome, with GX's percentages."""
    elements, considered, unexpected = outcome.element_count, outcome.considered_count, outcome.unexpected_count
    percent = unexpected / considered * 100 if elements and considered and unexpected is not None else None
    return CheckResult(
        name=expectation.check_name,
        label=expectation.label,
        type=expectation.type,
        column=expectation.column,
        severity=expectation.severity,
        success=outcome.success,
        element_count=elements,
        unexpected_count=unexpected,
        unexpected_percent=percent,
        observed=outcome.observed,
        rule_id=expectation.id,
        missing_count=None if elements is None or considered is None else elements - considered,
        is_row_rule=is_row_rule,
        rule=expectation.digest,
    )
