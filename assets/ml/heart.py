"""The model `heart`: how likely a patient's coronary vessels are narrowed, from the thirteen attributes."""

from typing import TYPE_CHECKING, Any

from assets.attributes import ATTRIBUTES, FEATURE_COLUMNS, LABEL_COLUMN
from lakehouse import Foreign, Trained, is_held_out, model_asset

if TYPE_CHECKING:
    from pandas import DataFrame

# Codes of more than two kinds; the hospital's words for a sex are two, so its 0 and 1 stay a number.
CODED = tuple(attribute.column for attribute in ATTRIBUTES if len(attribute.codes) > 2)
NUMERIC = tuple(name for name in FEATURE_COLUMNS if name not in CODED)
HELD_OUT_PERCENT = 25
PARAMETERS = {"C": 0.1, "max_iter": 1000}


@model_asset("heart", reads={"patients": Foreign("gold.patient_features")})
def heart(patients: "DataFrame") -> Trained:
    """Fit a logistic regression on three quarters of the patients; which ones is decided by their ids."""
    patients = patients.sort_values("patient_id", ignore_index=True)
    features = patients[list(FEATURE_COLUMNS)].astype("float64")
    labels = patients[LABEL_COLUMN].astype("int64")
    held_out = is_held_out(patients["patient_id"], HELD_OUT_PERCENT)
    model = pipeline().fit(features[~held_out], labels[~held_out])
    return Trained(
        pipeline=model,
        feature_names=FEATURE_COLUMNS,
        held_out=features[held_out],
        held_out_labels=labels[held_out],
        parameters={"algorithm": "logistic regression", "held_out_percent": HELD_OUT_PERCENT, **PARAMETERS},
        metrics=_metrics(model, features[held_out], labels[held_out]) | {"training_rows": float((~held_out).sum())},
    )


def pipeline() -> Any:
    """Unknown numbers become the median, unknown codes the most frequent one; codes are spread, numbers scaled."""
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    numbers = Pipeline([("known", SimpleImputer(strategy="median")), ("scaled", StandardScaler())])
    codes = Pipeline(
        [("known", SimpleImputer(strategy="most_frequent")), ("spread", OneHotEncoder(handle_unknown="ignore"))]
    )
    prepared = ColumnTransformer([("numbers", numbers, list(NUMERIC)), ("codes", codes, list(CODED))])
    classifier = LogisticRegression(C=PARAMETERS["C"], max_iter=PARAMETERS["max_iter"])
    return Pipeline([("prepared", prepared), ("classifier", classifier)])


def _metrics(model: Any, features: "DataFrame", labels: Any) -> dict[str, float]:
    from sklearn.metrics import accuracy_score, brier_score_loss, recall_score

    risk = model.predict_proba(features)[:, 1]
    return {
        "accuracy": float(accuracy_score(labels, risk >= 0.5)),
        "sensitivity": float(recall_score(labels, risk >= 0.5)),
        "brier_score": float(brier_score_loss(labels, risk)),
    }
