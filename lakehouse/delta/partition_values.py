"""Values of partition columns, written one way: in a commit, in a digest, in a comparison and in the key of a run.

The spelling: https://github.com/delta-io/delta/blob/master/PROTOCOL.md, "Partition Value Serialization". There null and
the empty string are one. Of the two spellings that the protocol has for a timestamp this is the one with its zone; a
text without a zone, which other writers left, is UTC, as all sessions here are.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime
from typing import Any

from lakehouse.declare.sql_text import literal, quote
from lakehouse.errors import LakehouseError

# The value of each partition column, as the log spells it; None for null.
Partition = Mapping[str, str | None]
# The name that Hive, and Spark after it, gives the partition of null.
NULL_KEY = "__HIVE_DEFAULT_PARTITION__"


def spelled(value: Any) -> str | None:
    """A value as the log has it.

    Args:
        value: str, bool, int, date, or datetime: aware for a timestamp, naive for a timestamp_ntz.
    """
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        if value.tzinfo is None:
            return value.isoformat(sep=" ", timespec="microseconds")
        return value.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
    if isinstance(value, date):
        return value.isoformat()
    return str(value)


def parsed(text: str | None, type_: str) -> Any:
    """The value that a text of a log, or a key, stands for.

    Args:
        text: As any writer spells it.
        type_: Of the column, in its one spelling.

    Raises:
        ValueError: it is no value of the type.
    """
    if not text:
        return None
    return _PARSERS.get(type_, str)(text)


def _boolean(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise ValueError("no boolean")
    return text.lower() == "true"


def _timestamp(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _timestamp_ntz(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=None)


_PARSERS: Mapping[str, Callable[[str], Any]] = {
    **dict.fromkeys(("tinyint", "smallint", "int", "bigint"), int),
    "boolean": _boolean,
    "date": date.fromisoformat,
    "timestamp": _timestamp,
    "timestamp_ntz": _timestamp_ntz,
}


def canonical(text: str | None, type_: str) -> str | None:
    """A text of a log in the one spelling; as it stands if it is no value of the type."""
    try:
        return spelled(parsed(text, type_))
    except ValueError:
        return text


def condition(partition: Partition, types: Mapping[str, str]) -> str:
    """The SQL condition of one partition. Delta wants plain columns in it, so the value is cast and not the column."""
    return " AND ".join(
        f"{quote(name)} IS NULL" if value is None else f"{quote(name)} = CAST({literal(value)} AS {types[name]})"
        for name, value in partition.items()
    )


def any_of(partitions: Iterable[Partition], types: Mapping[str, str]) -> str:
    """The SQL condition of several partitions; empty for none."""
    return " OR ".join(f"({condition(partition, types)})" for partition in partitions)


def key_of(text: str | None) -> str:
    """The key of a run for the partition of a value, which is given as the log spells it."""
    return NULL_KEY if text is None else text


def text_of(key: str, type_: str, column: str) -> str | None:
    """The value that the key of a run names, as the log spells it.

    Args:
        key: As a person or Dagster writes it: `2026-01-31` names a date, and a timestamp too.
        type_: Of the column.
        column: For the message.

    Raises:
        LakehouseError: the key is no value of the type.
    """
    if key == NULL_KEY:
        return None
    try:
        return spelled(parsed(key, type_))
    except ValueError:
        raise LakehouseError(
            f"The key of a partition is no value of the column `{column}`, which is {type_}. Nothing was read or "
            f"written. Keys are written as the column's values are, for example {_EXAMPLES.get(type_, '7')}; the "
            f"partition of null is {NULL_KEY}."
        ) from None


_EXAMPLES = {
    "boolean": "true",
    "date": "2026-01-31",
    "timestamp": "2026-01-31T12:00:00Z",
    "timestamp_ntz": "2026-01-31 12:00:00",
}
