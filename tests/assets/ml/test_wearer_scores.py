"""The champion's scores of wearers."""

from typing import TYPE_CHECKING

from assets.attributes import ATTRIBUTES, FEATURE_COLUMNS, LABEL_COLUMN
from assets.ml.heart import heart
from assets.ml.wearer_features import WEARER_FEATURES
from assets.ml.wearer_scores import ML_WEARER_SCORES, ml_wearer_scores
from lakehouse.models.champion import ChampionModel
from lakehouse.models.onnx_model import to_onnx

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

SCHEMA = ", ".join(
    [
        "wearer_id string, reading_id string, read_at timestamp, sent_at timestamp",
        *(f"{attribute.column} {attribute.type}" for attribute in ATTRIBUTES),
    ]
)
HEALTHY = {"wearer_id": "w-1", "age_years": 35, "chest_pain_code": 2, "major_vessels_count": 0, "thal_code": 3}
ILL = {"wearer_id": "w-2", "age_years": 66, "chest_pain_code": 4, "major_vessels_count": 3, "thal_code": 7}


def champion() -> ChampionModel:
    """A champion of 200 made-up patients, half of them like each of the two wearers."""
    import pandas as pd

    rows = [
        dict.fromkeys(FEATURE_COLUMNS, 1.0) | kind | {"patient_id": f"p{number}-{label}", LABEL_COLUMN: label}
        for number in range(100)
        for label, kind in enumerate((HEALTHY, ILL))
    ]
    trained = heart(pd.DataFrame(rows))
    return ChampionModel("heart", 4, "run", to_onnx(trained.pipeline, trained.feature_names), trained.feature_names)


def test_each_wearer_has_one_score_with_reading_and_model(spark: "SparkSession") -> None:
    state = dict.fromkeys(FEATURE_COLUMNS, 1) | {"st_depression_mm": 1.0, "reading_id": "r-1"}
    wearers = spark.createDataFrame([state | HEALTHY, state | ILL], SCHEMA)

    scores = ml_wearer_scores(wearers, champion())

    assert tuple(scores.columns) == ML_WEARER_SCORES.column_names
    by_wearer = {row.wearer_id: row for row in scores.collect()}
    assert by_wearer["w-1"].risk < 0.5 < by_wearer["w-2"].risk
    assert {(row.model_name, row.model_version, row.reading_id) for row in by_wearer.values()} == {("heart", 4, "r-1")}


def test_all_that_the_model_needs_is_served() -> None:
    assert set(FEATURE_COLUMNS) <= {name for name, _ in WEARER_FEATURES.columns}
