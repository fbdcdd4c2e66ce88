"""A long working day: what the engine keeps does not grow with the tables, publishes and sessions that it has seen."""

from pathlib import Path

import pytest

from benchmarks.soak import logging_collections, slope, soak
from lakehouse.settings import load
from lakehouse.workspace import Workspace
from tests.conftest import own_servers


@pytest.mark.slow
def test_the_engines_heap_does_not_grow_with_what_is_over(tmp_path: Path) -> None:
    """Each publish makes a table that no other one writes; `python -m benchmarks soak` goes on for a whole day."""
    workspace = Workspace(load().model_copy(update={"home": tmp_path / "home", "warehouse": None}))
    with logging_collections() as logs, own_servers(workspace):
        heap = soak(workspace, logs, tables=300, publishes=300, sessions=30, looks=12)

    assert slope(heap, warm=150) <= 1
