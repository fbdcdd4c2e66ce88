"""Stage: one job computes the frame once and writes it as Parquet where it will live, good and bad rows apart."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from lakehouse.declare.column import Column
from lakehouse.declare.names import helper
from lakehouse.declare.sql_text import quote
from lakehouse.declare.table import Table, schema_of
from lakehouse.engine.work_settings import big_work, is_big
from lakehouse.quality.compile import RowRule, mask_sql, masked, quarantined_sql
from lakehouse.storage import File, list_files, no_pattern
from lakehouse.write.modes import GOOD, functions_of

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

BAD, OLDER, TWICE = "bad", "superseded", "duplicate"
# Good rows that delete their key: they never become rows of the table, so its files must not have them.
DELETION = "deletion"
PASSED = (GOOD, DELETION)
VERDICTS = (*PASSED, BAD, OLDER, TWICE)
AUDIT, PART, IS_BAD = helper("verdict"), helper("part"), helper("is-bad")


@dataclass(frozen=True)
class Staged:
    """What a run has staged.

    Args:
        root: URI of the table.
        run: Folder below it: `run-<id>`.
        schema: DDL of the files: the batch's columns, those that are carried along, and the masks.
    """

    root: str
    run: str
    schema: str

    def to_json(self) -> dict[str, Any]:
        """Plain values, for the intent."""
        return asdict(self)

    @property
    def path(self) -> str:
        """URI of the staged files."""
        return f"{self.root}/{self.run}"

    def files(self, audit: str) -> list[File]:
        """The files of one verdict; `relative` is relative to the table."""
        files = list_files(f"{self.path}/{AUDIT}={audit}", ".parquet")
        return [File(f.path, f"{self.run}/{AUDIT}={audit}/{f.relative}", f.size, f.modified_ms) for f in files]

    def frame(self, session: "SparkSession", *audits: str) -> "DataFrame":
        """The staged rows of some verdicts (all, if none is named), as they stand in the files."""
        files = [f.path for audit in audits or VERDICTS for f in self.files(audit)]
        if not files:
            return session.createDataFrame([], self.schema)
        return session.read.schema(self.schema).parquet(*map(no_pattern, files))


def passed(rows: Mapping[str, int]) -> int:
    """How many rows the door lets through, from the staged rows by verdict."""
    return sum(rows.get(audit, 0) for audit in PASSED)


def stage(
    table: Table,
    frame: "DataFrame",
    rules: Sequence[RowRule],
    *,
    root: str,
    run: str,
    carried: tuple[Column, ...] = (),
) -> Staged:
    """Compute `frame` once and write it below `root`, with its masks, split by verdict and partition.

    The values of a partition stay in its files; its folder has their hash, so that no value has to become a path.
    """
    from pyspark.sql import functions as F

    masks = mask_sql(rules)
    judged = masked(_as_published(table, frame), rules).withColumn(IS_BAD, F.expr(quarantined_sql(rules)))
    place = functions_of(table.write).winners(table.write, table)
    verdict = F.when(F.col(quote(IS_BAD)), BAD)
    if place is not None:
        verdict = verdict.when(F.expr(place.rank(quote(IS_BAD))) > 1, OLDER if place.is_ordered else TWICE)
        verdict = verdict.when(F.expr(place.deletes), DELETION) if place.deletes else verdict
    staged = Staged(
        root, f"run-{run}", ", ".join([schema_of((*table.brought, *carried)), *(f"{name} bigint" for name in masks)])
    )
    split = {AUDIT: verdict.otherwise(GOOD)}
    if table.partitioned_by:
        # A null adds nothing to a hash: (null, 'a') and ('a', null) would be one.
        columns = [F.col(quote(name)) for name in table.partitioned_by]
        split[PART] = F.hex(F.xxhash64(*(column.isNull() for column in columns), *columns))
    rows = judged.withColumns(split).drop(IS_BAD)
    with big_work(frame.sparkSession, big=is_big(frame)):
        rows.write.partitionBy(*split).parquet(staged.path)
    return staged


def _as_published(table: Table, frame: "DataFrame") -> "DataFrame":
    """The frame with null for the empty text in partition columns: a Delta log has no other word for it.

    Outside: https://github.com/delta-io/delta/blob/master/PROTOCOL.md, "Partition Value Serialization".
    """
    from pyspark.sql import functions as F

    texts = [name for name in table.partitioned_by if table.types[name] == "string"]
    return frame.withColumns({name: F.nullif(F.col(quote(name)), F.lit("")) for name in texts}) if texts else frame
