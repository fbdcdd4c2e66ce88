"""Rejected rows of a batch that was not published: in quarantine with their reasons until it is read again."""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from lakehouse.declare.table import Table
from lakehouse.delta.partition_values import condition, text_of
from lakehouse.delta.tables import Tables
from lakehouse.quality.compile import Compiled
from lakehouse.quality.measure.masks import broken_rules_sql
from lakehouse.quality.results import CheckResult
from lakehouse.write import quarantine
from lakehouse.write.batch import Batch
from lakehouse.write.rejection_limit import is_over_limit
from lakehouse.write.stage import BAD, Staged

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def withhold(
    tables: Tables,
    session: "SparkSession",
    table: Table,
    staged: Staged,
    *,
    rules: Compiled,
    batch: Batch,
    refused: Sequence[CheckResult] | Mapping[str, Sequence[CheckResult]],
) -> None:
    """Keep the rejected rows of what was refused because they are too many; nothing for other reasons.

    Args:
        tables: The tables that the run touches.
        session: The session.
        table: The declaration.
        staged: The rows.
        rules: What they were judged by.
        batch: What came.
        refused: The results of the batch, or by key those of the partitions that were refused.
    """
    if isinstance(refused, Mapping):
        keys = [key for key, results in refused.items() if is_over_limit(results)]
        where = " OR ".join(f"({_condition(table, key)})" for key in keys)
    else:
        where = "true" if is_over_limit(refused) else ""
    if not where:
        return
    rows = quarantine.with_reasons(
        staged.frame(session, BAD).where(where),
        broken_rules_sql(rules.rows),
        batch.run_id,
        json.dumps(dict(batch.inputs), separators=(",", ":")),
    )
    why = "too many rows of the batch were rejected: none of it was published, and the next run reads it again"
    quarantine.withhold(tables, session, table, rows, run=batch.run_id, why=why, where=where)


def _condition(table: Table, key: str) -> str:
    [column] = table.partitioned_by
    return condition({column: text_of(key, table.types[column], column)}, table.types)
