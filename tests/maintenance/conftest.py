"""The door of its own for each test, and limits that a few files reach."""

from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from lakehouse.maintenance import Limits
from lakehouse.workspace import Workspace
from tests.write.conftest import Door

# Two files less are worth it.
FEW = Limits(files=2, small_bytes=2**20, full_bytes=2**21)


@pytest.fixture
def door(workspace: Workspace, spark: SparkSession, tmp_path: Path) -> Door:
    return Door(workspace, spark, tmp_path)
