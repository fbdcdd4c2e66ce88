"""Stage: one job computes the frame once and writes it as Parquet where it will live, good and bad rows apart."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lakehouse.modes import Merge
from lakehouse.quality.compile import RowRule, mask_sql, quarantined_sql
from lakehouse.storage import File, list_files
from lakehouse.table import Table, quote

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

GOOD, BAD, OLDER, TWICE = "good", "bad", "superseded", "duplicate"
AUDIT = "audit"


@dataclass(frozen=True)
class Staged:
    """What a run has staged.

    Args:
        root: URI of the table.
        run: Folder below it: `run-<id>`.
        schema: DDL of the files: the table's columns and the masks.
    """

    root: str
    run: str
    schema: str

    @property
    def path(self) -> str:
        """URI of the staged files."""
        return f"{self.root}/{self.run}"

    def files(self, audit: str) -> list[File]:
        """The files of one verdict; `relative` is relative to the table."""
        found = list_files(f"{self.path}/{AUDIT}={audit}", ".parquet")
        return [File(f.path, f"{self.run}/{AUDIT}={audit}/{f.relative}", f.size, f.modified_ms) for f in found]

    def frame(self, session: "SparkSession", *audits: str) -> "DataFrame":
        """The staged rows of some verdicts (all, where none is named), as they stand in the files."""
        files = [f.path for audit in audits or (GOOD, BAD, OLDER, TWICE) for f in self.files(audit)]
        if not files:
            return session.createDataFrame([], self.schema)
        return session.read.schema(self.schema).parquet(*files)


def _rank(table: Table, is_bad: str) -> str:
    """1 for the row that wins among the good rows of its key."""
    merge = table.write
    if not isinstance(merge, Merge):
        return "1"
    keys = ", ".join(quote(name) for name in merge.on)
    newest = [f"{quote(name)} DESC NULLS LAST" for name in merge.sequence]
    # Equal sequence: any fixed order will do, as long as it is the same at every run.
    everything = f"struct({', '.join(quote(name) for name in table.column_names)}) DESC"
    return f"row_number() OVER (PARTITION BY {keys}, {is_bad} ORDER BY {', '.join([*newest, everything])})"


def stage(table: Table, frame: "DataFrame", rules: Sequence[RowRule], *, root: str, run: str) -> Staged:
    """Compute `frame` once and write it below `root`, with its masks, split by verdict."""
    from pyspark.sql import functions as F

    masks = mask_sql(rules)
    judged = frame.withColumns({name: F.expr(sql) for name, sql in masks.items()})
    judged = judged.withColumn("audit_is_bad", F.expr(quarantined_sql(rules)))
    losers = OLDER if isinstance(table.write, Merge) and table.write.sequence else TWICE
    verdict = F.when(F.col("audit_is_bad"), BAD).when(F.expr(_rank(table, "audit_is_bad")) > 1, losers).otherwise(GOOD)
    staged = Staged(root, f"run-{run}", ", ".join([table.schema, *(f"{name} bigint" for name in masks)]))
    judged.withColumn(AUDIT, verdict).drop("audit_is_bad").write.partitionBy(AUDIT).parquet(staged.path)
    return staged
