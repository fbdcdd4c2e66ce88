"""What all tests of the repository share; the fixtures come from the library's own pytest plugin."""

from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]


def pytest_configure(config: pytest.Config) -> None:
    """Name the markers."""
    config.addinivalue_line("markers", "services: starts or asks real servers (all of tests/services)")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of `tests/services` by their path."""
    for item in items:
        if (PROJECT / "tests" / "services") in item.path.parents:
            item.add_marker("services")
