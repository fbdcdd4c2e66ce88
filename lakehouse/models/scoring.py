"""Scores in the engine: Arrow batches through ONNX, in the workers where the rows are."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from lakehouse.errors import DeclarationError
from lakehouse.models.champion import ChampionModel
from lakehouse.models.onnx_model import open_onnx, score_output

if TYPE_CHECKING:
    from pyarrow import RecordBatch
    from pyspark.sql import DataFrame


def score_frame(
    frame: "DataFrame", model: ChampionModel, *, keep: Sequence[str], score_column: str = "score"
) -> "DataFrame":
    """Score each row.

    Args:
        frame: Has `keep` and the model's features; a null feature is missing, as it was in training.
        model: The champion.
        keep: Columns to carry over.
        score_column: Name of the column that the score is given in.

    Returns:
        `keep`, then the score (double: the probability of the positive class, or what a regression predicts; null
        where the model gives no finite number, so that a column that is not nullable sends the row to quarantine),
        `model_name` (string) and `model_version` (int).

    Raises:
        DeclarationError: two columns would have one name, as the engine compares names.
    """
    from pyspark.sql.types import DoubleType, IntegerType, StringType, StructType

    content, features, carried = model.onnx_bytes, model.feature_names, list(keep)
    name, version = model.name, model.version
    output, column = score_output(open_onnx(content))
    result_names = [*carried, score_column, "model_name", "model_version"]
    lower_names = [result.lower() for result in result_names]
    twice = sorted({result for result in result_names if lower_names.count(result.lower()) > 1})
    if twice:
        raise DeclarationError(
            f"scores of `{name}`: {', '.join(twice)} would be there twice; change `score_column` or `keep`"
        )

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
                feature: batch.column(feature).cast(pa.float64()).to_numpy(False).astype(np.float32).reshape(-1, 1)
                for feature in features
            }
            (values,) = session.run([output], feed)
            columns = [batch.column(kept) for kept in carried]
            scores = values[:, column].astype(np.float64)
            added = [
                pa.array(scores, mask=~np.isfinite(scores)),
                pa.array([name] * batch.num_rows, pa.string()),
                pa.array([version] * batch.num_rows, pa.int32()),
            ]
            yield pa.RecordBatch.from_arrays(columns + added, result_names)

    needed = frame.select(*dict.fromkeys([*carried, *features]))
    schema = StructType(list(frame.select(*carried).schema.fields))
    schema.add(score_column, DoubleType()).add("model_name", StringType()).add("model_version", IntegerType())
    return needed.mapInArrow(score, schema)
