"""A gold-like table with everything that could be served wrongly: nulls, late rows, quotes, big numbers."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from lakehouse.features.feature_view import Features
from lakehouse.workspace import Workspace

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

COLUMNS = (
    ("reading_id", "string"),
    ("age_years", "int"),
    ("vessels_count", "int"),
    ("depression_mm", "double"),
    ("is_worn", "boolean"),
    ("steps_count", "bigint"),
)
ROWS = """
SELECT concat('w-', id) AS wearer_id, concat('r\\'', id) AS reading_id,
  timestamp'2026-01-01 00:00:00' + make_interval(0, 0, 0, 0, id) AS read_at,
  timestamp'2026-01-01 00:00:05' + make_interval(0, 0, 0, 0, id) AS sent_at,
  cast(30 + id % 50 AS int) AS age_years,
  cast(if(id % 7 = 0, null, id % 4) AS int) AS vessels_count,
  if(id % 11 = 0, null, id / 7D) AS depression_mm,
  if(id % 5 = 0, null, id % 2 = 0) AS is_worn,
  id * 1000000007 AS steps_count
FROM range({rows})
"""


@pytest.fixture
def features(workspace: Workspace, spark: "SparkSession", fresh: Callable[[str], str]) -> Features:
    """Declared features over a new table of 60 wearers."""
    name = fresh("gold")
    path = workspace.table_path(name)
    spark.sql(f"CREATE DATABASE IF NOT EXISTS gold LOCATION '{workspace.warehouse}/gold'")
    spark.sql(f"CREATE TABLE {name} USING delta LOCATION '{path}' AS {ROWS.format(rows=60)}")
    view = name.partition(".")[2]
    return Features(view, name, key="wearer_id", columns=COLUMNS, event_at="read_at", created_at="sent_at")
