"""Models as ONNX: from scikit-learn once, then scored without it and without running code of the model's author.

Each feature is an input of its own, named as the column, float32, one column wide; null is NaN.
"""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy import ndarray
    from onnxruntime import InferenceSession
    from pandas import DataFrame

# Understood by onnxruntime from 1.14 on (https://onnxruntime.ai/docs/reference/compatibility.html).
OPSETS = {"": 18, "ai.onnx.ml": 3}
PROBABILITIES = "probabilities"


def to_onnx(pipeline: Any, feature_names: Sequence[str]) -> bytes:
    """Convert a fitted classifier.

    Args:
        pipeline: Fitted on a frame with the columns `feature_names`.
        feature_names: Its features, in order; they and the opset travel in the file's metadata.

    Returns:
        The file: outputs `label` and `probabilities` (one column per class).
    """
    from onnx.helper import set_model_props
    from skl2onnx import to_onnx as convert
    from skl2onnx.common.data_types import FloatTensorType

    inputs = [(name, FloatTensorType([None, 1])) for name in feature_names]
    options = {id(pipeline): {"zipmap": False}}
    model = convert(pipeline, initial_types=inputs, options=options, target_opset=OPSETS)
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


def risks(content: bytes, frame: "DataFrame") -> "ndarray[Any, Any]":
    """Probability of the positive class for each row of a frame that has the model's features."""
    import numpy as np

    session = open_onnx(content)
    names = [each.name for each in session.get_inputs()]
    feed = {name: frame[name].to_numpy(dtype=np.float32, na_value=np.nan).reshape(-1, 1) for name in names}
    (found,) = session.run([PROBABILITIES], feed)
    return np.asarray(found)[:, 1]
