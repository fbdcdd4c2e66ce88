"""What all tests share; workspace, engine and session are those of the library's own pytest plugin."""

from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
ROOT = TESTS.parent
# A small project of the tests' own: the library's tests need no file of the reference project.
PROJECT = TESTS / "library" / "project"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of `tests/library/services` by their path."""
    for item in items:
        if (TESTS / "library" / "services") in item.path.parents:
            item.add_marker("services")


@pytest.fixture(scope="session")
def clean_environment(clean_environment: Path) -> Iterator[Path]:
    """The plugin's, with the small project as the project of the run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAKEHOUSE_PROJECT", str(PROJECT))
        yield clean_environment
