"""What the tests of the library share beside `tests/conftest.py`: the door of each test's own."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from lakehouse.workspace import Workspace
from tests.library.door import Door


@pytest.fixture
def door(workspace: Workspace, spark: SparkSession, tmp_path: Path) -> Door:
    """Writes to tables with unique names on the warm server; suites lie in a folder of the test's own."""
    return Door(workspace, spark, tmp_path)


@pytest.fixture
def at() -> Callable[[int], Any]:
    """Gives the time of a second of one minute, in UTC."""
    return lambda second: datetime(2026, 1, 1, 0, 0, second, tzinfo=UTC)
