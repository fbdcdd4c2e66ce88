"""The model of the hospital's patients."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from assets.attributes import ATTRIBUTES, FEATURE_COLUMNS, LABEL_COLUMN
from assets.ml.heart import heart
from lakehouse.models.onnx_model import scores, to_onnx
from tests.conftest import ROOT


@pytest.fixture(scope="module")
def patients() -> pd.DataFrame:
    """The hospital's table with the columns of gold.patient_features."""
    raw = pd.read_csv(
        ROOT / "data" / "heart_disease.tab", sep="\t", skiprows=3, header=None, dtype=str, keep_default_na=False
    )
    columns = {}
    for place, attribute in enumerate(ATTRIBUTES):
        text = raw[place].str.strip().replace({"?": None, "": None})
        columns[attribute.column] = text.map(dict(attribute.codes)) if attribute.codes else pd.to_numeric(text)
    ids = [f"p-{number:03d}" for number in range(1, len(raw) + 1)]
    return pd.DataFrame({"patient_id": ids, **columns, LABEL_COLUMN: (raw[13].astype(int) > 0).astype(int)})


def test_sick_and_healthy_are_told_apart_on_patients_that_were_not_seen(patients: pd.DataFrame) -> None:
    from sklearn.metrics import roc_auc_score

    trained = heart(patients)

    risk = trained.pipeline.predict_proba(trained.held_out)[:, 1]
    assert roc_auc_score(trained.held_out_labels, risk) > 0.85
    assert len(trained.held_out) + trained.metrics["training_rows"] == 303
    assert trained.feature_names == FEATURE_COLUMNS


def test_training_does_not_depend_on_the_order_of_the_rows(patients: pd.DataFrame) -> None:
    first, second = heart(patients), heart(patients.sample(frac=1, random_state=1))

    assert first.metrics == second.metrics
    assert to_onnx(first.pipeline, FEATURE_COLUMNS) == to_onnx(second.pipeline, FEATURE_COLUMNS)


def test_onnx_says_what_scikit_learn_says_about_every_patient_also_with_unknown_values(patients: pd.DataFrame) -> None:
    pipeline = heart(patients).pipeline
    features = patients[list(FEATURE_COLUMNS)].astype("float64")

    probabilities = scores(to_onnx(pipeline, FEATURE_COLUMNS), features)

    assert features.isna().any(axis=1).sum() == 6
    np.testing.assert_allclose(probabilities, pipeline.predict_proba(features)[:, 1], rtol=0, atol=1e-5)


def test_declaring_the_model_imports_none_of_the_heavy_libraries() -> None:
    heavy = ("sklearn", "mlflow", "dagster", "pandas", "feast", "onnxruntime", "pyspark")
    code = (
        "import sys, assets.ml.heart, assets.ml.wearer_features, assets.ml.wearer_scores;"
        f"print(*[name for name in {heavy!r} if name in sys.modules])"
    )

    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)

    assert done.stdout.strip() == ""
