"""ONNX says what scikit-learn says."""

import numpy as np

from lakehouse.models.onnx_model import OPSETS, feature_names_of, open_onnx, scores, to_onnx
from tests.library.models.cases import FEATURES, people, train


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
    assert {each.name for each in session.get_inputs()} == set(FEATURES)
    assert session.get_modelmeta().custom_metadata_map["opset"] == str(OPSETS[""])
    assert [each.name for each in session.get_outputs()] == ["label", "probabilities"]
