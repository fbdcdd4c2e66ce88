"""A model as an asset: trained when data or code is new, skipped when not, and asked for by its champion."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from lakehouse.dagster.model_asset import ModelAsset, model_asset
from lakehouse.dagster.table_asset import table_asset
from lakehouse.declare.column import Column
from lakehouse.declare.table import Foreign, Table
from lakehouse.declare.write_modes import Overwrite
from lakehouse.delta.tables import Tables
from lakehouse.engine.session import Connection
from lakehouse.errors import DeclarationError, LakehouseError
from lakehouse.models.champion import Champion, ChampionModel
from lakehouse.models.registry import rollback
from lakehouse.models.scoring import score_frame
from lakehouse.models.store import store_file
from lakehouse.models.training import Trained
from lakehouse.sources.kinds import dependency, load, position_of
from lakehouse.sources.source import ReadContext
from tests.library.models.cases import FEATURES, people, train, weigh

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from lakehouse.workspace import Workspace


@pytest.fixture
def connection(workspace: "Workspace") -> Iterator[Connection]:
    with Connection(workspace) as opened:
        yield opened


@pytest.fixture
def table(spark: "SparkSession", workspace: "Workspace", fresh: Callable[[str], str]) -> str:
    """A gold-like table of people, at version 0."""
    name = fresh("gold")
    spark.sql(f"CREATE DATABASE IF NOT EXISTS gold LOCATION '{workspace.warehouse}/gold'")
    spark.createDataFrame(people()).createOrReplaceTempView("people")
    spark.sql(f"CREATE TABLE {name} USING delta LOCATION '{workspace.table_path(name)}' AS SELECT * FROM people")
    return name


def by_id(rows: pd.DataFrame) -> Trained:
    """A training that does not depend on the order in which rows are read."""
    return train(rows.sort_values("person_id", ignore_index=True))


def asset_of(table: str) -> ModelAsset:
    """An asset whose model has the name of its table, so that tests do not meet."""
    return ModelAsset(table.partition(".")[2], by_id, {"rows": Foreign(table)})


def test_a_training_says_what_it_was_trained_on_and_is_not_repeated(connection: Connection, table: str) -> None:
    asset = asset_of(table)

    first = asset.materialize(connection)
    store = store_file(connection.workspace).read_bytes()
    with Connection(connection.workspace) as idle:
        again = asset.materialize(idle)
        assert idle._session is None

    assert (first.unchanged, again.unchanged) == (False, True)
    assert first.inputs == {table: 0}
    assert first.model.tags[f"delta.{table}"] == "0"
    assert first.is_champion
    assert again.model == first.model
    assert store_file(connection.workspace).read_bytes() == store


def test_a_new_version_of_the_data_is_trained_on(connection: Connection, table: str) -> None:
    asset = asset_of(table)
    asset.materialize(connection)
    connection.session().sql(f"DELETE FROM {table} WHERE age_years > 78")

    second = asset.materialize(connection)

    assert (second.unchanged, second.model.version, second.inputs) == (False, 2, {table: 1})


def test_the_champion_is_read_at_its_version_and_follows_a_rollback(connection: Connection, table: str) -> None:
    asset = asset_of(table)
    champion = Champion(asset.name)
    context = ReadContext(Tables(connection.workspace), connection.session, "ml.scores", "batch")
    asset.materialize(connection)
    connection.session().sql(f"COMMENT ON TABLE {table} IS 'one more version'")
    asset.materialize(connection)

    assert position_of(champion, context) == 2
    rollback(connection.workspace, asset.name)

    assert position_of(champion, context) == 1
    model = load(champion, context, None, 1)
    assert (model.name, model.version, model.feature_names) == (asset.name, 1, FEATURES)
    assert dependency(champion) == f"ml.{asset.name}"


def test_a_model_without_a_champion_names_what_to_materialise(connection: Connection) -> None:
    context = ReadContext(Tables(connection.workspace), connection.session, "ml.scores", "batch")

    with pytest.raises(LakehouseError, match=r"champion of `nobody`, which has none yet. Materialise ml.nobody first"):
        position_of(Champion("nobody"), context)


def test_a_missing_table_is_named(connection: Connection) -> None:
    with pytest.raises(LakehouseError, match=r"ml.ghosts reads gold.ghosts, which does not exist"):
        ModelAsset("ghosts", train, {"rows": Foreign("gold.ghosts")}).materialize(connection)


def test_a_regression_is_trained_judged_promoted_and_scored_under_the_column_that_the_table_names(
    connection: Connection, table: str, fresh: Callable[[str], str]
) -> None:
    from sklearn.linear_model import Ridge

    name, people_table = table.partition(".")[2], Foreign(table)
    heavy = ModelAsset(name, lambda rows: weigh(rows, estimator=Ridge(1e6)), {"rows": people_table})
    light = ModelAsset(name, weigh, {"rows": people_table})
    weights = Table(
        fresh("ml"),
        grain="one row per person",
        columns=(
            Column("person_id", "string", "Who", nullable=False),
            Column("weight_kg", "double", "As the champion predicts it, kilograms", nullable=False),
            Column("model_name", "string", "Of the champion", nullable=False),
            Column("model_version", "int", "Of the champion", nullable=False),
        ),
        write=Overwrite(),
    )

    def score(rows: "DataFrame", model: ChampionModel) -> "DataFrame":
        return score_frame(rows, model, keep=("person_id",), score_column="weight_kg")

    first, second = heavy.materialize(connection), light.materialize(connection)
    table_asset(weights, reads={"rows": people_table, "model": Champion(name)})(score).materialize(connection)

    assert (first.gate.partition(":")[0], second.gate.partition(":")[0]) == ("first champion", "champion")
    scored = connection.session().table(weights.name).toPandas()
    rows = people().set_index("person_id").loc[scored["person_id"]]
    expected = weigh(people()).pipeline.predict(rows[list(FEATURES)])
    np.testing.assert_allclose(scored["weight_kg"], expected, rtol=1e-5)
    assert len(scored) == len(people())
    assert set(zip(scored["model_name"], scored["model_version"], strict=True)) == {(name, 2)}


def test_an_input_without_a_version_is_refused_when_it_is_declared() -> None:
    with pytest.raises(DeclarationError, match="`rows` must be a table"):
        model_asset("people", reads={"rows": Champion("other")})(train)  # type: ignore[dict-item]


def test_calling_the_asset_calls_the_training() -> None:
    asset = model_asset("people", reads={"rows": Foreign("gold.people")})(train)

    assert asset(people()).feature_names == FEATURES


def test_dagster_materialises_it_with_figures_and_versions(connection: Connection, table: str) -> None:
    import dagster as dg

    asset = asset_of(table)

    with dg.DagsterInstance.ephemeral() as instance:
        result = dg.materialize([asset.definition], resources={"connection": connection}, instance=instance)

    (event,) = result.get_asset_materialization_events()
    metadata = {key: value.value for key, value in event.materialization.metadata.items()}
    assert event.asset_key.path == ["ml", asset.name]
    assert (metadata["model_version"], metadata["aliases"], metadata[f"delta.{table}"]) == (1, "champion", 0)
    assert 0.5 < metadata["auc"] <= 1
    assert asset.definition.asset_deps[event.asset_key] == {dg.AssetKey(table.split("."))}
