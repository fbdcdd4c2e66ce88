"""Which lines of a landing file can be readings."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from assets.bronze.readings import BRONZE_READINGS, bronze_readings

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

LINES = {
    '{"reading_id": "r-1", "age": 63}': True,
    ' {"reading_id": {"nested": [1]}} ': True,
    "{}": True,
    '{"reading_id": "r-1", "age": 6': False,
    "bracelet restarted": False,
    "": False,
    "null": False,
    "42": False,
    '["r-1", 63]': False,
    '[{"reading_id": "r-1"}]': False,
    '{"reading_id": "r-1"}{"reading_id": "r-2"}': False,
    '{"reading_id": "r-1"}, {"reading_id": "r-2"}': False,
    '{"reading_id": "r-1"} and more': False,
    '{"reading_id": "r-1", "reading_id": "r-2"}': False,
    "{'reading_id': 'r-1'}": False,
    '{"age": NaN}': False,
}


@pytest.fixture(scope="module")
def verdicts(lines: "Callable[..., DataFrame]") -> dict[str, bool]:
    result = bronze_readings(lines(*LINES))
    assert result.columns == list(BRONZE_READINGS.column_names)
    return {row["line"]: row["is_json"] for row in result.collect()}


@pytest.mark.parametrize("line", LINES)
def test_only_one_json_object_is_json(verdicts: dict[str, bool], line: str) -> None:
    assert verdicts[line] is LINES[line]
