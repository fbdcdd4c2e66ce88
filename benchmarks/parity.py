"""The one pass against GX on many random frames, each with all compiled types at once.

python -m benchmarks.parity [--frames 100] [--seed 0]
"""

import argparse
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings

from lakehouse.engine.session import connect
from lakehouse.quality.suite.suite import Suite
from tests.library.quality.cases import DDL, compare, rows, suites


def main() -> None:
    """Print each disagreement, and the count of comparisons."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    session = connect()
    counts = {"frames": 0, "compared": 0, "different": 0}

    @seed(arguments.seed)
    @settings(
        max_examples=arguments.frames,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
    )
    @given(data=rows, suite=suites())
    def judge(data: list[tuple[Any, ...]], suite: Suite) -> None:
        compared, _ = compare(session.createDataFrame(data, DDL), suite)
        different = [comparison for comparison in compared if not comparison.agrees]
        counts["frames"] += 1
        counts["compared"] += len(compared)
        counts["different"] += len(different)
        for comparison in different:
            print(
                f"{comparison.ours.label}\n  ours {comparison.ours}\n  GX   {comparison.gx}\n  rows {data}", flush=True
            )

    judge()
    print(", ".join(f"{count} {what}" for what, count in counts.items()))


if __name__ == "__main__":
    main()
