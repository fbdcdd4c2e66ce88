"""A few kills of each kind, with a fixed seed; `make bench-faults` makes two hundred."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from lakehouse.services import down, up
from lakehouse.settings import load
from lakehouse.workspace import Workspace
from tests.library.faults.house import House
from tests.library.faults.kills import Kill, campaign, plan

SEED = 5


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
    found = Workspace(load().model_copy(update={"home": tmp_path / "own"}))
    try:
        up(found)
        yield found
    finally:
        down(found)


def test_the_engine_is_killed_and_comes_back(own, tmp_path):
    house = House.in_folder(own, SEED, tmp_path)

    outcome = campaign(house, [Kill("server", ("append", "merge"), delay=1.0)], print, modes=("append", "merge"))

    assert outcome.problems == []
    assert outcome.failures == []
    assert outcome.kills == {"server": 1}
