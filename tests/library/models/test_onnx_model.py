"""ONNX says what scikit-learn says."""

from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.tree import DecisionTreeRegressor

from lakehouse.errors import DeclarationError
from lakehouse.models.onnx_model import OPSETS, feature_names_of, open_onnx, scores, to_onnx
from tests.library.models.cases import FEATURES, people, train, weigh


def test_probabilities_equal_those_of_the_pipeline_also_where_values_are_missing() -> None:
    rows = people(500)
    rows.loc[0, list(FEATURES)] = np.nan
    pipeline = train(rows).pipeline

    probabilities = scores(to_onnx(pipeline, FEATURES), rows)

    np.testing.assert_allclose(probabilities, pipeline.predict_proba(rows[list(FEATURES)])[:, 1], rtol=0, atol=1e-5)


def test_integer_columns_with_nulls_are_taken_as_they_come() -> None:
    rows = people()
    content = to_onnx(train(rows).pipeline, FEATURES)

    typed = rows.astype({"age_years": "int32", "kind_code": "Int32"})

    assert (scores(content, typed) == scores(content, rows)).all()


def test_the_file_carries_its_feature_names_and_opset() -> None:
    content = to_onnx(train(people()).pipeline, FEATURES)

    session = open_onnx(content)
    assert feature_names_of(content) == FEATURES
    assert {node.name for node in session.get_inputs()} == set(FEATURES)
    assert session.get_modelmeta().custom_metadata_map["opset"] == str(OPSETS[""])
    assert [node.name for node in session.get_outputs()] == ["label", "probabilities"]


def test_the_numbers_of_a_regression_equal_those_of_its_pipeline_also_where_values_are_missing() -> None:
    rows = people(500)
    pipeline = weigh(rows).pipeline

    weights = scores(to_onnx(pipeline, FEATURES), rows)

    np.testing.assert_allclose(weights, pipeline.predict(rows[list(FEATURES)]), rtol=1e-6)


def _fitted(estimator: Any, labels: Any) -> Any:
    return estimator.fit(people().fillna(0.0)[list(FEATURES)], labels)


def test_an_estimator_without_steps_before_it_takes_several_features() -> None:
    rows = people().fillna(0.0)
    classifier, regressor = _fitted(LogisticRegression(), rows["is_sick"]), _fitted(Ridge(), rows["age_years"])

    probabilities, numbers = (scores(to_onnx(estimator, FEATURES), rows) for estimator in (classifier, regressor))

    np.testing.assert_allclose(probabilities, classifier.predict_proba(rows[list(FEATURES)])[:, 1], atol=1e-5)
    np.testing.assert_allclose(numbers, regressor.predict(rows[list(FEATURES)]), rtol=1e-5)


@pytest.mark.parametrize(
    "estimator", [Ridge(), DecisionTreeRegressor()], ids=lambda estimator: type(estimator).__name__
)
def test_a_regression_of_several_targets_is_refused_also_if_its_file_says_one(estimator: Any) -> None:
    rows = people().fillna(0.0)
    content = to_onnx(_fitted(estimator, np.column_stack([rows["age_years"], rows["age_years"] * 2])), FEATURES)

    with pytest.raises(DeclarationError, match="one score for a row: expected a regression of 1 target, got 2"):
        scores(content, rows)
