"""Frames as the landing files give them."""

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

NOON = datetime(2026, 1, 10, 12)


@pytest.fixture(scope="session")
def lines(spark: "SparkSession") -> "Callable[..., DataFrame]":
    """Makes the frame of a landing file from its lines."""

    def frame(*texts: str, file: str = "landing/readings/a.jsonl") -> "DataFrame":
        schema = "line string, _source_file string, _source_row bigint, _batch_id string, _ingested_at timestamp"
        return spark.createDataFrame(
            [(text, file, row, "batch-1", NOON) for row, text in enumerate(texts, start=1)], schema
        )

    return frame
