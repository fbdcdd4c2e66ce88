"""Predicates that Python decides, as GX does: called by name in the masks' SQL, run in the engine's Python workers."""

import json
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def is_json(value: str | None) -> bool:
    """Whether Python's `json` reads a string."""
    try:
        json.loads(value or "")
    except Exception:  # as GX; and what is raised here would stop the job that all rules share
        return False
    return True


def is_date(value: str | None) -> bool:
    """Whether `dateutil` reads a string as a date or time."""
    from dateutil import parser  # type: ignore[import-untyped]

    try:
        parser.parse(value or "")
    except Exception:  # the same
        return False
    return True


def is_in_format(value: str | None, form: str) -> bool:
    """Whether `strptime` reads a string in a format."""
    try:
        datetime.strptime(value or "", form)
    except Exception:  # the same
        return False
    return True


FUNCTIONS: dict[str, Callable[..., bool]] = {
    "lakehouse_is_json": is_json,
    "lakehouse_is_date": is_date,
    "lakehouse_is_in_format": is_in_format,
}


def register(session: "SparkSession", sql: Iterable[str]) -> None:
    """Make those that the SQL calls known to the session."""
    called = "\n".join(sql)
    for name, function in FUNCTIONS.items():
        if f"{name}(" in called:
            session.udf.register(name, function, "boolean")
