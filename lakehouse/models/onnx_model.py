"""Models as ONNX: from scikit-learn once, then scored without it and without running code of the model's author.

Each feature is an input of its own, named as the column, float32, one column wide; null is NaN.
"""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lakehouse.errors import DeclarationError

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
        pipeline: Fitted on a frame with the columns `feature_names`.
        feature_names: Its features, in order; they and the opset travel in the file's metadata.

    Returns:
        The file. Its outputs are `label` and `probabilities` (a column per class) of a classifier, `variable` (one
        column) of a regressor.

    Raises:
        DeclarationError: it does not give one number for a row: more than two classes, or several targets.
    """
    from onnx.helper import set_model_props
    from skl2onnx import to_onnx as convert
    from skl2onnx.common.data_types import FloatTensorType
    from sklearn.base import is_classifier

    classes = len(pipeline.classes_) if is_classifier(pipeline) else None
    if classes not in (None, 2):
        raise DeclarationError(f"a model gives one score for a row: expected a classifier of 2 classes, got {classes}")
    inputs = [(name, FloatTensorType([None, 1])) for name in feature_names]
    options = {id(pipeline): {"zipmap": False}} if classes else None
    model = convert(pipeline, initial_types=inputs, options=options, target_opset=OPSETS)
    targets = model.graph.output[-1].type.tensor_type.shape.dim[-1].dim_value
    if classes is None and targets > 1:
        raise DeclarationError(f"a model gives one score for a row: expected a regression of 1 target, got {targets}")
    set_model_props(model, {"feature_names": json.dumps(list(feature_names)), "opset": str(OPSETS[""])})
    return bytes(model.SerializeToString())


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


def scores(content: bytes, frame: "DataFrame") -> "ndarray[Any, Any]":
    """The model's score of each row of a frame that has its features."""
    import numpy as np

    session = open_onnx(content)
    output, column = score_output(session)
    names = [feature.name for feature in session.get_inputs()]
    feed = {name: frame[name].to_numpy(dtype=np.float32, na_value=np.nan).reshape(-1, 1) for name in names}
    (values,) = session.run([output], feed)
    return np.asarray(values)[:, column]
