"""Eight clients and a plain SQL writer on one table: every one succeeds, nothing is lost, nothing comes twice."""

from tests.library.faults.rivals import race

CLIENTS, TURNS = 8, 2


def test_every_client_succeeds_beside_a_rival(workspace, spark):
    found = race(workspace, count=CLIENTS, turns=TURNS)

    assert found.failures == []
    assert found.value == CLIENTS * TURNS
    assert (found.lines, found.distinct) == (CLIENTS * TURNS, CLIENTS * TURNS)
    assert found.rival > 0
    assert found.rival_value >= found.rival
