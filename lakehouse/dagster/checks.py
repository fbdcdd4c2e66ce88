"""Expectations and columns as Dagster shows them: check specifications, their results, the Columns tab."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from lakehouse.declare.table import Table
from lakehouse.errors import SuiteError
from lakehouse.workspace import Workspace
from lakehouse.write.table_rules import is_everywhere, rules_of, suite_of

if TYPE_CHECKING:
    import dagster as dg

    from lakehouse.quality.compile import Compiled
    from lakehouse.quality.judge import CheckResult
    from lakehouse.quality.suite.suite import Expectation


def declared_expectations(workspace: Workspace, table: Table) -> "tuple[list[Expectation], SuiteError | None]":
    """All expectations of a table that somebody asked for: of its declaration and of its suite.

    Where the suite cannot be used: those of the declaration, and why. That table is refused when it is to be written;
    the definitions of the others do not depend on it.
    """
    try:
        return _asked_for(rules_of(table, suite_of(workspace, table))), None
    except SuiteError as error:
        return _asked_for(rules_of(table, None)), error


def _asked_for(rules: "Compiled") -> "list[Expectation]":
    return [expectation for expectation in rules.expectations if not is_everywhere(expectation.type)]


def column_schema(table: Table) -> "dg.TableSchema":
    """The columns as Dagster shows them."""
    import dagster as dg

    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                column.name,
                column.type,
                description=column.comment,
                constraints=dg.TableColumnConstraints(nullable=column.nullable),
                tags=dict.fromkeys(column.tags, ""),
            )
            for column in table.columns
        ]
    )


def check_spec(
    key: list[str],
    expectation: "Expectation",
    partitions: "dg.PartitionsDefinition | None" = None,
    *,
    after: Sequence[str] = (),
) -> "dg.AssetCheckSpec":
    """The Dagster check of an expectation; of a partitioned asset it has a result for each partition.

    Args:
        key: Of the asset.
        expectation: What is checked.
        partitions: Of the asset.
        after: `layer.entities` of other tables after which it is checked.
    """
    import warnings

    import dagster as dg

    with warnings.catch_warnings():
        # Dagster calls partitioned checks a preview.
        warnings.simplefilter("ignore", dg.PreviewWarning)
        return dg.AssetCheckSpec(
            expectation.check_name,
            asset=dg.AssetKey(key),
            description=expectation.label,
            partitions_def=partitions,
            additional_deps=[dg.AssetKey(name.split(".")) for name in after] or None,
        )


def partition_checks(
    name: str, by_partition: "Mapping[str, Sequence[CheckResult]]"
) -> "Iterator[dg.AssetCheckEvaluation]":
    """What Dagster keeps of the checks of each partition of a run of several."""
    import dagster as dg

    for key, results in by_partition.items():
        for result in results:
            told = check_result(name, result)
            yield dg.AssetCheckEvaluation(
                asset_key=dg.AssetKey(name.split(".")),
                check_name=result.name,
                passed=told.passed,
                severity=told.severity,
                metadata=told.metadata,
                partition=key,
            )


def check_result(name: str, result: "CheckResult") -> "dg.AssetCheckResult":
    """The Dagster result of a check; warnings and infos do not stop anything."""
    import dagster as dg

    critical = result.severity == "critical"
    figures = {
        "rows": result.element_count,
        "unexpected": result.unexpected_count,
        "observed": None if result.observed is None else str(result.observed),
        "scope": result.scope,
    }
    return dg.AssetCheckResult(
        passed=result.success,
        asset_key=dg.AssetKey(name.split(".")),
        check_name=result.name,
        severity=dg.AssetCheckSeverity.ERROR if critical else dg.AssetCheckSeverity.WARN,
        metadata={key: value for key, value in figures.items() if value is not None},
    )
