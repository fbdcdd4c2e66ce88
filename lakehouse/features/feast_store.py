"""Feast's store of a workspace: registry and online store are files of its folder `feast`. No other imports feast."""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lakehouse.features.feature_view import Features
from lakehouse.workspace import Workspace

if TYPE_CHECKING:
    from feast import Entity, FeatureStore, FeatureView

PROJECT = "lakehouse"
ONLINE_FILE = "online.db"


def folder(workspace: Workspace) -> Path:
    """Where Feast's files are."""
    return workspace.home / "feast"


@contextmanager
def quiet() -> Iterator[None]:
    """Keep Feast from changing the process's filters and telling of its alpha stages.

    Importing `feast.infra.offline_stores...spark` sets a filter for all RuntimeWarnings of the process.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import feast  # noqa: F401
        from feast.infra.offline_stores.contrib.spark_offline_store import spark  # noqa: F401

        warnings.simplefilter("ignore")
        yield


def open_store(workspace: Workspace, online_file: str = ONLINE_FILE) -> "FeatureStore":
    """The workspace's feature store. Call it, and use it, inside `quiet`."""
    from feast import FeatureStore, RepoConfig

    where = workspace.folder(folder(workspace).name)
    return FeatureStore(
        config=RepoConfig(
            project=PROJECT,
            provider="local",
            registry=str(where / "registry.db"),
            online_store={"type": "sqlite", "path": str(where / online_file)},
            offline_store={"type": "spark"},
            entity_key_serialization_version=3,
        )
    )


def feast_objects(features: Features, tags: Mapping[str, str]) -> "tuple[Entity, FeatureView]":
    """The entity and the feature view of a declaration."""
    from feast import Entity, FeatureView, Field, ValueType
    from feast.infra.offline_stores.contrib.spark_offline_store.spark_source import SparkSource
    from feast.types import Bool, Float32, Float64, Int32, Int64, String

    types = {"string": String, "int": Int32, "bigint": Int64, "double": Float64, "float": Float32, "boolean": Bool}
    entity = Entity(name=features.key.removesuffix("_id"), join_keys=[features.key], value_type=ValueType.STRING)
    fields = [Field(name=name, dtype=types[type_]) for name, type_ in features.columns]
    source = SparkSource(
        name=features.table,
        table=features.table,
        timestamp_field=features.event_at,
        created_timestamp_column=features.created_at,
    )
    view = FeatureView(
        name=features.name,
        entities=[entity],
        ttl=timedelta(0),
        schema=[Field(name=features.key, dtype=String), *fields],
        source=source,
        tags=dict(tags),
    )
    return entity, view


def online_rows(workspace: Workspace, features: Features, keys: Sequence[str]) -> list[dict[str, Any]]:
    """What the online store knows of some keys, in their order.

    Returns:
        Per key its features and `event_at` (UTC, whole seconds: Feast keeps no more); all None for an unknown key.
    """
    with quiet():
        rows = [{features.key: key} for key in keys]
        answer = open_store(workspace).get_online_features(features=features.references, entity_rows=rows)
        columns = answer.to_dict(include_event_timestamps=True)
    at = columns[f"{features.columns[0][0]}__ts"]
    times = [datetime.fromtimestamp(second, UTC) if second else None for second in at]
    names = [features.key, *(name for name, _ in features.columns)]
    return [
        {name: columns[name][place] for name in names} | {features.event_at: times[place]} for place in range(len(rows))
    ]
