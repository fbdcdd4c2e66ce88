"""Which fitted pipelines have a score."""

from typing import Any

import pytest
from sklearn.cluster import KMeans
from sklearn.compose import TransformedTargetRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from lakehouse.errors import DeclarationError
from lakehouse.models.estimator import is_classifier
from lakehouse.models.onnx_model import to_onnx

NUMBERS = [[0.0], [1.0], [2.0], [3.0]]


@pytest.mark.parametrize(
    ("estimator", "labels", "classifies"),
    [
        (LogisticRegression(), [0, 0, 1, 1], True),
        (LogisticRegression(), [False, False, True, True], True),
        (make_pipeline(StandardScaler(), LogisticRegression()), [0.0, 0.0, 1.0, 1.0], True),
        (make_pipeline(StandardScaler(), Ridge()), [0, 0, 1, 1], False),
    ],
)
def test_a_classifier_of_0_and_1_is_told_from_a_regression(estimator: Any, labels: Any, classifies: bool) -> None:
    assert is_classifier(estimator.fit(NUMBERS, labels)) is classifies


@pytest.mark.parametrize(
    ("estimator", "labels", "got"),
    [
        (
            make_pipeline(StandardScaler(), KMeans(2)),
            [0, 0, 1, 1],
            "expected a fitted classifier or regressor, got KMeans",
        ),
        (LinearSVC(), [0, 0, 1, 1], "gives probabilities, got LinearSVC, which has no `predict_proba`. Fit it inside"),
        (
            LogisticRegression(),
            [1, 1, 2, 2],
            "the classes 0 and 1, got two others (LogisticRegression). Make the labels",
        ),
        (
            LogisticRegression(),
            ["secret", "secret", "b", "b"],
            "the classes 0 and 1, got two others (LogisticRegression).",
        ),
        (
            LogisticRegression(),
            [0, 1, 2, 2],
            "the classes 0 and 1, got 3 (LogisticRegression). Make the labels 0 and 1",
        ),
    ],
)
def test_what_would_score_something_else_is_refused(estimator: Any, labels: Any, got: str) -> None:
    with pytest.raises(DeclarationError) as refused:
        is_classifier(estimator.fit(NUMBERS, labels))

    assert str(refused.value).startswith("a model gives one score for a row: expected a")
    assert got in str(refused.value)
    assert "secret" not in str(refused.value)


def test_what_onnx_does_not_know_is_named() -> None:
    with pytest.raises(DeclarationError, match=r"TransformedTargetRegressor, or a step before it, cannot be converted"):
        to_onnx(TransformedTargetRegressor(Ridge()).fit(NUMBERS, [0, 0, 1, 1]), ("number",))
