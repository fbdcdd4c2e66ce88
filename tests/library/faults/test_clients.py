"""Eight clients and a plain SQL writer on one table: every one succeeds, nothing is lost, nothing comes twice."""

import pytest

from tests.library.faults.rivals import race

CLIENTS, TURNS = 8, 2


@pytest.mark.slow
def test_every_client_succeeds_beside_a_rival(workspace, spark):
    outcome = race(workspace, count=CLIENTS, turns=TURNS)

    assert outcome.failures == []
    assert outcome.value == CLIENTS * TURNS
    assert (outcome.lines, outcome.distinct) == (CLIENTS * TURNS, CLIENTS * TURNS)
    assert outcome.rival > 0
    assert outcome.rival_value >= outcome.rival
