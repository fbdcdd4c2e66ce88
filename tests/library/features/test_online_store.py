"""The online store holds what the table holds: exactly, all of it at once, and only when it is new."""

import shutil
import sqlite3
from contextlib import closing
from datetime import UTC
from typing import TYPE_CHECKING, Any

import pytest

from lakehouse.dagster.feature_asset import FeatureAsset
from lakehouse.engine.session import Connection
from lakehouse.errors import LakehouseError
from lakehouse.features.feast_store import ONLINE_FILE, folder, online_rows
from lakehouse.features.feature_view import Features
from lakehouse.features.online_store import note_of
from lakehouse.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyspark.sql import SparkSession


@pytest.fixture
def connection(workspace: Workspace) -> "Iterator[Connection]":
    with Connection(workspace) as opened:
        yield opened


def table_rows(spark: "SparkSession", features: Features) -> dict[str, dict[str, Any]]:
    """The table's rows by key, in the words of `online_rows`."""
    names = [features.key, *(name for name, _ in features.columns), features.event_at]
    # Times as seconds: a Python time of Spark's is in the zone of this machine.
    seconds = f"unix_timestamp({features.event_at}) AS {features.event_at}"
    rows = spark.table(features.table).selectExpr(*names[:-1], seconds).collect()
    return {row[features.key]: row.asDict() for row in rows}


def served(workspace: Workspace, features: Features, keys: list[str]) -> dict[str, dict[str, Any]]:
    """The online store's rows by key, times as seconds."""
    answers = online_rows(workspace, features, keys)
    assert all(row[features.event_at].tzinfo is UTC for row in answers)
    return {row[features.key]: row | {features.event_at: int(row[features.event_at].timestamp())} for row in answers}


def test_every_key_is_served_exactly_as_the_table_has_it(
    connection: Connection, spark: "SparkSession", features: Features
) -> None:
    done = FeatureAsset(features).materialize(connection)

    expected = table_rows(spark, features)
    online = served(connection.workspace, features, list(expected))
    assert (done.keys, len(expected)) == (60, 60)
    assert online == expected
    assert {key: [type(value) for value in row.values()] for key, row in online.items()} == {
        key: [type(value) for value in row.values()] for key, row in expected.items()
    }


def test_a_version_that_is_served_already_is_not_read_again(workspace: Workspace, features: Features) -> None:
    with Connection(workspace) as first:
        done = FeatureAsset(features).materialize(first)
    file = folder(workspace) / ONLINE_FILE
    before = file.read_bytes()

    with Connection(workspace) as second:
        again = FeatureAsset(features).materialize(second)
        assert second._session is None

    assert (done.unchanged, again.unchanged, again.version) == (False, True, done.version)
    assert file.read_bytes() == before


def test_changed_and_vanished_keys_follow_the_table(
    connection: Connection, spark: "SparkSession", features: Features
) -> None:
    asset = FeatureAsset(features)
    asset.materialize(connection)
    spark.sql(f"DELETE FROM {features.table} WHERE wearer_id = 'w-3'")
    spark.sql(
        f"UPDATE {features.table} SET age_years = null, read_at = read_at - INTERVAL 1 DAY WHERE wearer_id = 'w-4'"
    )

    done = asset.materialize(connection)

    expected = table_rows(spark, features)
    assert done.keys == 59
    assert served(connection.workspace, features, list(expected)) == expected
    assert set(online_rows(connection.workspace, features, ["w-3"])[0].values()) == {"w-3", None}
    assert note_of(connection.workspace, features.name)["version"] == done.version


def test_two_views_live_in_one_store(connection: Connection, spark: "SparkSession", features: Features) -> None:
    from dataclasses import replace

    other = replace(features, name=f"{features.name}_ages", columns=(("age_years", "int"),))
    FeatureAsset(features).materialize(connection)

    FeatureAsset(other).materialize(connection)

    expected = table_rows(spark, features)
    assert served(connection.workspace, features, list(expected)) == expected
    assert online_rows(connection.workspace, other, ["w-1"])[0]["age_years"] == 31


def test_a_reader_with_an_open_store_sees_the_new_rows(connection: Connection, features: Features) -> None:
    asset = FeatureAsset(features)
    asset.materialize(connection)
    query = f'SELECT count(DISTINCT entity_key) FROM "lakehouse_{features.name}"'
    with closing(sqlite3.connect(folder(connection.workspace) / ONLINE_FILE)) as reader:
        assert reader.execute(query).fetchone() == (60,)
        connection.session().sql(f"DELETE FROM {features.table} WHERE age_years < 40")

        done = asset.materialize(connection)

        assert reader.execute(query).fetchone() == (done.keys,)


def test_rows_that_feast_would_drop_stop_the_run_and_leave_the_store(
    connection: Connection, spark: "SparkSession", features: Features
) -> None:
    asset = FeatureAsset(features)
    first = asset.materialize(connection)
    spark.sql(f"UPDATE {features.table} SET read_at = null WHERE wearer_id IN ('w-1', 'w-2')")

    with pytest.raises(LakehouseError, match=r"wearer_id  expected 60 keys as in gold\..*, got 58"):
        asset.materialize(connection)

    assert note_of(connection.workspace, features.name)["version"] == first.version
    assert online_rows(connection.workspace, features, ["w-1"])[0]["age_years"] == 31


def test_a_table_without_rows_empties_the_store(
    connection: Connection, spark: "SparkSession", features: Features
) -> None:
    asset = FeatureAsset(features)
    asset.materialize(connection)
    spark.sql(f"DELETE FROM {features.table}")

    assert asset.materialize(connection).keys == 0


def test_the_sessions_of_others_are_left_as_they_were(
    connection: Connection, spark: "SparkSession", features: Features
) -> None:
    from pyspark.sql import SparkSession

    before = SparkSession.getActiveSession()

    FeatureAsset(features).materialize(connection)

    assert SparkSession.getActiveSession() is before
    for session in (spark, connection.session()):
        assert session.conf.get("spark.sql.parser.quotedRegexColumnNames") == "false"


def test_a_deleted_store_is_filled_again(connection: Connection, features: Features) -> None:
    asset = FeatureAsset(features)
    asset.materialize(connection)

    shutil.rmtree(folder(connection.workspace))

    assert asset.materialize(connection).keys == 60
