"""A few kills of each kind, with a fixed seed; `make bench-faults` makes two hundred."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from lakehouse.settings import load
from lakehouse.workspace import Workspace
from tests.conftest import own_servers
from tests.library.faults.house import House
from tests.library.faults.kills import Kill, campaign, plan, unreadable
from tests.library.faults.ledger import Entry

SEED = 5


@pytest.mark.slow
def test_whoever_comes_after_a_kill_finds_all_as_it_must_be(workspace, sql_layer, tmp_path):
    house = House.in_folder(workspace, SEED, tmp_path, f"_{uuid.uuid4().hex[:8]}")

    outcome = campaign(house, plan(11, SEED, servers=0), print)

    assert outcome.problems == []
    assert outcome.failures == []
    assert sum(outcome.kills.values()) >= 11
    assert outcome.readers == ["delta-rs", "Spark", "Trino"]


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Workspace]:
    """A workspace of its own: nobody else's server is killed."""
    with own_servers(Workspace(load().model_copy(update={"home": tmp_path / "own"}))) as workspace:
        yield workspace


@pytest.mark.slow
def test_the_engine_is_killed_and_comes_back(own, tmp_path):
    house = House.in_folder(own, SEED, tmp_path)

    outcome = campaign(house, [Kill("server", ("append", "merge"), after=2)], print, modes=("append", "merge"))

    assert outcome.problems == []
    assert outcome.failures == []
    assert outcome.kills == {"server": 1}


def test_a_table_that_was_acknowledged_and_is_gone_is_a_loss_and_one_that_was_not_yet_made_is_none(tmp_path):
    house = House.in_folder(Workspace(load().model_copy(update={"home": tmp_path / "home"})), SEED, tmp_path)
    not_found = ValueError("TABLE_OR_VIEW_NOT_FOUND")

    before = unreadable(house, "append", not_found)
    house.ledger.add(Entry("batch", "append", 3))
    after = unreadable(house, "append", not_found)

    assert before == []
    assert after == [
        "lost: the table is gone, batch 3 was acknowledged, no log is there, ValueError: TABLE_OR_VIEW_NOT_FOUND"
    ]
