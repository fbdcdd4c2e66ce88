"""Scores in the engine equal those of the pipeline."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import Ridge

from lakehouse.errors import DeclarationError
from lakehouse.models.champion import ChampionModel
from lakehouse.models.onnx_model import to_onnx
from lakehouse.models.scoring import score_frame
from tests.library.models.cases import FEATURES, people, train

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

SCHEMA = "person_id string, age_years int, kind_code int, pressure_mmhg double, is_sick int"


@pytest.fixture(scope="module")
def model() -> ChampionModel:
    return ChampionModel("people", 7, "run", to_onnx(train(people()).pipeline, FEATURES), FEATURES)


def frame_of(spark: "SparkSession", rows: pd.DataFrame) -> "DataFrame":
    """The rows with SQL nulls and integers, as a table has them."""
    values = [[None if pd.isna(value) else value for value in row] for row in rows.itertuples(index=False)]
    typed = [[a, int(b), c if c is None else int(c), d, int(e)] for a, b, c, d, e in values]
    return spark.createDataFrame(typed, SCHEMA)


def test_every_row_is_scored_as_the_pipeline_would_also_with_nulls(spark: "SparkSession", model: ChampionModel) -> None:
    rows = people(300, seed=5)

    scored = score_frame(frame_of(spark, rows).repartition(3), model, keep=["person_id", "kind_code"]).toPandas()

    expected = train(people()).pipeline.predict_proba(rows[list(FEATURES)])[:, 1]
    scores = scored.set_index("person_id").loc[rows["person_id"], "score"]
    np.testing.assert_allclose(scores, expected, rtol=0, atol=1e-5)
    assert rows[list(FEATURES)].isna().any(axis=1).sum() > 10


def test_kept_columns_come_first_and_each_row_names_its_model(spark: "SparkSession", model: ChampionModel) -> None:
    scored = score_frame(frame_of(spark, people(3)), model, keep=["person_id"])

    types = {field.name: field.dataType.simpleString() for field in scored.schema.fields}
    assert types == {"person_id": "string", "score": "double", "model_name": "string", "model_version": "int"}
    assert {(row.model_name, row.model_version) for row in scored.collect()} == {("people", 7)}


def test_no_rows_give_no_scores(spark: "SparkSession", model: ChampionModel) -> None:
    assert score_frame(frame_of(spark, people(3)).limit(0), model, keep=["person_id"]).count() == 0


def test_a_row_without_a_finite_score_has_null_and_the_others_have_theirs(spark: "SparkSession") -> None:
    known = people(20).fillna(0.0)
    content = to_onnx(Ridge().fit(known[list(FEATURES)], known["age_years"]), FEATURES)
    rows = known.assign(pressure_mmhg=known["pressure_mmhg"].mask(known.index < 3))

    scored = score_frame(
        frame_of(spark, rows), ChampionModel("ages", 1, "run", content, FEATURES), keep=["person_id"]
    ).collect()

    assert {row.person_id for row in scored if row.score is None} == {"p0", "p1", "p2"}
    assert len(scored) == 20


@pytest.mark.parametrize("score_column", ["person_id", "PERSON_ID", "Model_Name"])
def test_a_name_that_would_be_there_twice_is_refused_however_it_is_written(
    spark: "SparkSession", model: ChampionModel, score_column: str
) -> None:
    with pytest.raises(DeclarationError, match=rf"scores of `people`: .*{score_column}.* would be there twice"):
        score_frame(frame_of(spark, people(3)), model, keep=["person_id"], score_column=score_column)
