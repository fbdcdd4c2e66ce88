"""A run whose process was killed is marked failed, frees what it held, and the next run does the work."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.library.faults.orchestra import Orchestra, until

# What the house promises: Dagster's own launcher leaves such a run started for ever.
FAILED_WITHIN_SECONDS = 30


@pytest.fixture
def stuck(orchestra: Orchestra) -> Iterator[Orchestra]:
    orchestra.hold_up()
    yield orchestra
    orchestra.let_go()


@pytest.mark.slow
def test_a_run_whose_process_was_killed_is_marked_failed_and_the_next_one_starts(stuck: Orchestra, spark: Any):
    run = stuck.launch()
    process = stuck.worker(run)
    following = stuck.launch()
    assert (stuck.waited_in_the_queue(run), stuck.status(following)) == (False, "QUEUED")

    process.kill()

    until(lambda: stuck.status(run) == "FAILURE", FAILED_WITHIN_SECONDS, "the run marked failed")

    stuck.let_go()
    until(lambda: stuck.status(following) in ("SUCCESS", "FAILURE"), 120, "the next run")
    assert stuck.status(following) == "SUCCESS"
    assert sorted(row.line for row in spark.table(stuck.table).collect()) == ["a", "b", "c"]


@pytest.mark.slow
def test_also_where_all_that_could_have_seen_it_was_killed_with_it(stuck: Orchestra):
    (stuck.project / "landing" / "in" / "two.txt").write_text("d\n")
    run = stuck.launch()
    family = stuck.tree(stuck.worker(run))
    assert len(family) > 2  # daemon, code server, run

    for process in family:
        process.kill()

    until(lambda: stuck.status(run) == "FAILURE", 120, "the run marked failed by the next daemon")
