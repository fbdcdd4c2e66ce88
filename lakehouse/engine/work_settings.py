"""Settings of the pass's queries: one job each, and generated code where there are many rows."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import TYPE_CHECKING

from lakehouse.engine.statement import with_settings
from lakehouse.services.servers.spark import BIG_WORK_CONF

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

# From here on generated code wins: making it costs about a second for a suite that the server has not seen yet, and
# 600,000 rows of 16 columns are judged in 0.4 s with it and in 6 s without.
BIG_BYTES = 4 * 2**20
_ADAPTIVE = "spark.sql.adaptive.enabled"
_PARTITIONS = "spark.sql.shuffle.partitions"
# For statements that read nothing but what the library wrote. Spark derives constraints for each projection from those
# below it; their number grows with the columns that a statement names more than once, and each is compared with each.
# Two rows for a history of 18 columns with a rule on its table: 27 s with them, 6 s without
# (`python -m benchmarks wide`). Such a statement has no filter that a derived one could add to.
_OWN_PLAN = {"spark.sql.constraintPropagation.enabled": "false"}
_GENERATED = {name: BIG_WORK_CONF[name] for name in ("spark.sql.codegen.wholeStage", "spark.sql.codegen.factoryMode")}
_UNITS = {"B": 0, "KiB": 1, "MiB": 2, "GiB": 3, "TiB": 4, "PiB": 5, "EiB": 6}
# org.apache.spark.util.Utils.bytesToString, in each line of the optimized plan.
_SIZE = re.compile(r"Statistics\(sizeInBytes=(?P<number>[\d.E+]+) (?P<unit>\w+)")


def is_big(frame: "DataFrame") -> bool:
    """Whether what a frame reads is big, from its plan; no job is run. True where the plan does not say.

    Only the leaves count: to Spark a join may be as large as the product of its sides.
    """
    plan: str = frame._explain_string(mode="cost")  # type: ignore[operator]  # what `explain("cost")` prints
    nodes = [(_depth(line), size) for line in plan.splitlines() if (size := _SIZE.search(line))]
    leaves = [size for (depth, size), (after, _) in pairwise([*nodes, (0, None)]) if after <= depth and size]
    if not leaves or any(size["unit"] not in _UNITS for size in leaves):
        return True
    return sum(float(size["number"]) * 1024.0 ** _UNITS[size["unit"]] for size in leaves) >= BIG_BYTES


def _depth(line: str) -> int:
    return len(line) - len(line.lstrip(" :+-"))


def settings_for(*, big: bool) -> dict[str, str]:
    """Settings for a statement of a size that reads nothing but what the library wrote."""
    return {**(BIG_WORK_CONF if big else {}), **_OWN_PLAN}


@contextmanager
def big_work(session: "SparkSession", *, big: bool) -> Iterator[None]:
    """Settings for the statements in the block, which may read anything. What is not big is done as it is."""
    with with_settings(session, BIG_WORK_CONF if big else {}):
        yield


@contextmanager
def one_job_each(rows: "DataFrame") -> Iterator[None]:
    """Settings for the queries on rows that the library wrote, put back afterwards.

    Adaptive execution makes a job of every stage, and these queries have nothing for it to adapt. A server tuned for
    little work may bring all values to one task, which is slow for the many values of a key, and it generates no code,
    which is slow for many rows.
    """
    session = rows.sparkSession
    partitions = max(4, int(session.conf.get(_PARTITIONS) or 4))
    always = {_ADAPTIVE: "false", _PARTITIONS: str(partitions), **_OWN_PLAN}
    # A plan tells whether they are many. It takes as long as those of the queries, so these settings are for it too.
    with with_settings(session, always), with_settings(session, _GENERATED if is_big(rows) else {}):
        yield
