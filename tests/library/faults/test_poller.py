"""Who reads while publishes fail sees what was published, and nothing else."""

import pytest

from tests.library.faults.poller import CRASH_EVERY, PUBLISH_EVERY, watch

FAILURES = 10


@pytest.mark.slow
def test_a_poller_through_spark_and_trino_sees_no_bad_row(workspace, sql_layer, spark, tmp_path):
    seen = watch(workspace, tmp_path, failures=FAILURES)

    assert seen.wrong == []
    assert seen.crashed == FAILURES // CRASH_EVERY
    assert seen.failed == FAILURES - seen.crashed
    assert seen.published == 1 + FAILURES // PUBLISH_EVERY
    assert set(seen.reads) == {"Spark", "Trino"}
