"""Models as ONNX: from scikit-learn once, then scored without it and without running code of the model's author.

Each feature is an input of its own, named as the column, float32, one column wide; null is NaN.
"""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lakehouse.errors import DeclarationError
from lakehouse.models.estimator import ONE_SCORE, estimator_name, is_classifier

if TYPE_CHECKING:
    from numpy import ndarray
    from onnxruntime import InferenceSession
    from pandas import DataFrame

# Understood by onnxruntime from 1.14 on (https://onnxruntime.ai/docs/reference/compatibility.html).
OPSETS = {"": 18, "ai.onnx.ml": 3}
PROBABILITIES = "probabilities"


def to_onnx(pipeline: Any, feature_names: Sequence[str]) -> bytes:
    """Convert a fitted classifier or regressor.

    Args:
        pipeline: Fitted on a frame with the columns `feature_names`, in this order.
        feature_names: Its features, in order; they and the opset travel in the file's metadata.

    Returns:
        The file. Its outputs are `label` and `probabilities` (a column per class) of a classifier, `variable` (one
        column) of a regressor.

    Raises:
        DeclarationError: it gives no score (`is_classifier` says which do), or ONNX has nothing for a part of it.
    """
    from onnx.helper import set_model_props
    from skl2onnx import to_onnx as convert
    from skl2onnx.common.data_types import FloatTensorType
    from skl2onnx.common.exceptions import MissingConverter, MissingShapeCalculator

    whole = pipeline if _picks_columns(pipeline) else _of_columns(pipeline, feature_names)
    inputs = [(name, FloatTensorType([None, 1])) for name in feature_names]
    options = {id(whole): {"zipmap": False}} if is_classifier(pipeline) else None
    try:
        model = convert(whole, initial_types=inputs, options=options, target_opset=OPSETS)
    except (MissingConverter, MissingShapeCalculator) as error:
        raise DeclarationError(
            f"a model is registered as ONNX: {estimator_name(pipeline)}, or a step before it, cannot be converted. "
            f"Take one of https://onnx.ai/sklearn-onnx/supported.html; transform labels outside of the pipeline."
        ) from error
    set_model_props(model, {"feature_names": json.dumps(list(feature_names)), "opset": str(OPSETS[""])})
    return bytes(model.SerializeToString())


def _picks_columns(estimator: Any) -> bool:
    """Whether it takes its columns by name itself, and so takes each as an input of its own."""
    from sklearn.compose import ColumnTransformer
    from sklearn.pipeline import FeatureUnion, Pipeline

    if isinstance(estimator, Pipeline):
        return _picks_columns(estimator.steps[0][1])
    if isinstance(estimator, FeatureUnion):
        return any(_picks_columns(transformer) for _, transformer in estimator.transformer_list)
    return isinstance(estimator, ColumnTransformer)


def _of_columns(estimator: Any, feature_names: Sequence[str]) -> Any:
    """The estimator behind a step that puts the columns together: what takes a matrix has one input in ONNX."""
    import pandas as pd
    from sklearn.compose import ColumnTransformer
    from sklearn.pipeline import Pipeline

    together = ColumnTransformer([("features", "passthrough", list(feature_names))])
    together.fit(pd.DataFrame([[0.0] * len(feature_names)], columns=list(feature_names)))
    return Pipeline([("columns", together), ("model", estimator)])


def open_onnx(content: bytes) -> "InferenceSession":
    """A session for one thread; the file is data, no code of its author runs."""
    from onnxruntime import InferenceSession, SessionOptions

    options = SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return InferenceSession(content, options, providers=["CPUExecutionProvider"])


def feature_names_of(content: bytes) -> tuple[str, ...]:
    """The features that a file asks for, in the order of its training."""
    metadata = open_onnx(content).get_modelmeta().custom_metadata_map
    return tuple(json.loads(metadata["feature_names"]))


def score_output(session: "InferenceSession") -> tuple[str, int]:
    """Where a model's score is: the output, and the column in it.

    A classifier's score is the probability of its second class, which is the positive one; a regressor's its number.
    """
    names = [output.name for output in session.get_outputs()]
    return (PROBABILITIES, 1) if PROBABILITIES in names else (names[0], 0)


def gives_probabilities(content: bytes) -> bool:
    """Whether a file's score is a probability, and not the number that a regression predicts."""
    return score_output(open_onnx(content))[0] == PROBABILITIES


def scores(content: bytes, frame: "DataFrame") -> "ndarray[Any, Any]":
    """The model's score of each row of a frame that has its features.

    Raises:
        DeclarationError: it is a regression of several targets. Its file does not tell: trees and networks of several
            targets say that their output is one column wide.
    """
    import numpy as np

    session = open_onnx(content)
    output, column = score_output(session)
    names = [feature.name for feature in session.get_inputs()]
    feed = {name: frame[name].to_numpy(dtype=np.float32, na_value=np.nan).reshape(-1, 1) for name in names}
    values = np.asarray(session.run([output], feed)[0])
    if output != PROBABILITIES and values.size != len(frame):
        targets = values.size // len(frame)
        raise DeclarationError(f"{ONE_SCORE}: expected a regression of 1 target, got {targets}")
    return values[:, column]
