"""Scores in the engine: Arrow batches through ONNX, in the workers where the rows are."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from lakehouse.models.champion import ChampionModel

if TYPE_CHECKING:
    from pyarrow import RecordBatch
    from pyspark.sql import DataFrame


def score_frame(frame: "DataFrame", model: ChampionModel, *, keep: Sequence[str]) -> "DataFrame":
    """Score each row.

    Args:
        frame: Has `keep` and the model's features; a null feature is missing, as it was in training.
        model: The champion.
        keep: Columns to carry over.

    Returns:
        `keep`, then `risk` (probability of the positive class), `model_name` and `model_version`.
    """
    from pyspark.sql.types import DoubleType, IntegerType, StringType, StructType

    content, features, carried = model.onnx_bytes, model.feature_names, list(keep)
    name, version = model.name, model.version

    # Nested and importing for itself, so that it travels whole: the workers need onnxruntime, not this library.
    def score(batches: Iterator["RecordBatch"]) -> Iterator["RecordBatch"]:
        import numpy as np
        import onnxruntime as ort
        import pyarrow as pa

        options = ort.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        session = ort.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        for batch in batches:
            feed = {
                each: batch.column(each).cast(pa.float64()).to_numpy(False).astype(np.float32).reshape(-1, 1)
                for each in features
            }
            (found,) = session.run(["probabilities"], feed)
            columns = [batch.column(each) for each in carried]
            added = [
                pa.array(found[:, 1].astype(np.float64)),
                pa.array([name] * batch.num_rows, pa.string()),
                pa.array([version] * batch.num_rows, pa.int32()),
            ]
            yield pa.RecordBatch.from_arrays(columns + added, [*carried, "risk", "model_name", "model_version"])

    needed = frame.select(*dict.fromkeys([*carried, *features]))
    schema = StructType(list(frame.select(*carried).schema.fields))
    schema.add("risk", DoubleType()).add("model_name", StringType()).add("model_version", IntegerType())
    return needed.mapInArrow(score, schema)
