"""The settings of a session while one statement runs: the one place that changes a session which others use too."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from lakehouse.delta.note import USER_METADATA
from lakehouse.delta.stamp import Stamp

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_TXN_APP, _TXN_VERSION = "spark.databricks.delta.write.txnAppId", "spark.databricks.delta.write.txnVersion"
_NOTE = f"spark.databricks.delta.commitInfo.{USER_METADATA}"
_guard = threading.Lock()
_locks: "WeakKeyDictionary[SparkSession, threading.RLock]" = WeakKeyDictionary()


@contextmanager
def statement(
    session: "SparkSession",
    *,
    settings: Mapping[str, str] | None = None,
    stamp: Stamp | None = None,
    view: "DataFrame | None" = None,
) -> Iterator[str]:
    """What one statement needs of its session; afterwards the session is as before.

    Args:
        session: The session.
        settings: Of the statement.
        stamp: Of the commit that the statement makes.
        view: A frame that the statement reads by name; it needs a stamp, which gives the name.

    Yields:
        The name of the view; empty if there is none.
    """
    with ExitStack() as stack:
        stack.enter_context(with_settings(session, settings or {}))
        name = ""
        if view is not None and stamp is not None:
            name = stack.enter_context(_named(session, view, f"staged_{stamp.sequence}_{abs(hash(stamp.app))}"))
        if stamp is not None:
            stack.enter_context(_stamped(session, stamp))
        yield name


@contextmanager
def with_settings(session: "SparkSession", settings: Mapping[str, str]) -> Iterator[None]:
    """Settings of a session for a while. One thread of a session at a time: a second one would keep the first's."""
    with _lock_of(session):
        before = session.conf.getAll if settings else {}
        changed = [name for name, value in settings.items() if before.get(name) != value]
        try:
            for name in changed:
                session.conf.set(name, settings[name])
            yield
        finally:
            for name in changed:
                if name in before:
                    session.conf.set(name, before[name])
                else:
                    session.conf.unset(name)


@contextmanager
def _named(session: "SparkSession", frame: "DataFrame", name: str) -> Iterator[str]:
    frame.createOrReplaceTempView(name)
    try:
        yield name
    finally:
        session.catalog.dropTempView(name)


@contextmanager
def _stamped(session: "SparkSession", stamp: Stamp) -> Iterator[None]:
    """Give the next commit its stamp.

    Transaction settings that stay on a session silently skip its later writes, so they are taken off again, whatever
    was there before.
    """
    session.conf.set(_NOTE, stamp.text)
    if stamp.app:
        session.conf.set(_TXN_APP, stamp.app)
        session.conf.set(_TXN_VERSION, str(stamp.sequence))
    try:
        yield
    finally:
        for name in (_TXN_APP, _TXN_VERSION, _NOTE):
            session.conf.unset(name)


def _lock_of(session: "SparkSession") -> threading.RLock:
    with _guard:
        return _locks.setdefault(session, threading.RLock())
