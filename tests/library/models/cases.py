"""Small trainings that tests share."""

from typing import Any

import numpy as np
import pandas as pd

from lakehouse.models.metric import RMSE, Metric
from lakehouse.models.training import Dataset, Origin, Trained, is_held_out

FEATURES = ("age_years", "kind_code", "pressure_mmhg")


def people(count: int = 200, seed: int = 1) -> pd.DataFrame:
    """Rows whose label follows from age and kind, with noise and nulls."""
    random = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "person_id": [f"p{number}" for number in range(count)],
            "age_years": random.integers(20, 80, count).astype(float),
            "kind_code": random.choice([1.0, 2.0, 5.0], count),
            "pressure_mmhg": random.normal(130, 15, count).round(1),
        }
    )
    chance = (frame["age_years"] - 50) / 15 + (frame["kind_code"] == 5) * 1.5 + random.normal(0, 1, count)
    frame["is_sick"] = (chance > 0).astype(int)
    frame.loc[random.choice(count, count // 10, replace=False), "pressure_mmhg"] = np.nan
    frame.loc[random.choice(count, count // 10, replace=False), "kind_code"] = np.nan
    return frame


def train(rows: pd.DataFrame, *, features: tuple[str, ...] = FEATURES, strength: float = 1.0) -> Trained:
    """Fit a logistic regression; a `strength` below 0 turns its answers around, which makes it bad."""
    held_out = is_held_out(rows["person_id"])
    labels = rows["is_sick"] if strength > 0 else 1 - rows["is_sick"]
    fitted = _pipeline(features, abs(strength)).fit(rows.loc[~held_out, list(features)], labels[~held_out])
    return Trained(
        pipeline=fitted,
        feature_names=features,
        held_out=rows.loc[held_out, list(FEATURES)],
        held_out_labels=rows.loc[held_out, "is_sick"],
        parameters={"strength": strength},
        metrics={"training_rows": float((~held_out).sum())},
    )


def weigh(rows: pd.DataFrame, *, estimator: Any = None, gate: Metric = RMSE) -> Trained:
    """Fit a regression of a weight that follows from the age: Ridge, which finds it, if no estimator is given."""
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    rows = rows.sort_values("person_id", ignore_index=True)
    features, weights, held_out = rows[list(FEATURES)], 40 + rows["age_years"] / 2, is_held_out(rows["person_id"])
    pipeline = make_pipeline(SimpleImputer(), StandardScaler(), estimator or Ridge())
    fitted = pipeline.fit(features[~held_out], weights[~held_out])
    return Trained(fitted, FEATURES, features[held_out], weights[held_out], gate=gate)


def _pipeline(features: tuple[str, ...], strength: float) -> Any:
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    codes = [name for name in features if name.endswith("_code")]
    numbers = [name for name in features if name not in codes]
    prepared = ColumnTransformer(
        [
            ("numbers", make_pipeline(SimpleImputer(), StandardScaler()), numbers),
            ("codes", make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder()), codes),
        ]
    )
    return make_pipeline(prepared, LogisticRegression(C=strength))


def origin(version: int = 0, code: str = "c0de") -> Origin:
    """What a model was made from: one table at a version."""
    dataset = Dataset("gold.people", version, "/warehouse/gold/people", "d" * 32, 200, {"person_id": "object"})
    return Origin((dataset,), code, "abc123")
