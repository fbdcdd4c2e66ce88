"""What a training gives, and what it was made from: frozen values. Pure."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lakehouse.errors import DeclarationError
from lakehouse.models.estimator import estimator_name, is_classifier
from lakehouse.models.metric import AUC, Metric

if TYPE_CHECKING:
    from pandas import DataFrame, Series


@dataclass(frozen=True)
class Trained:
    """A fitted pipeline with the rows that it has not seen.

    Args:
        pipeline: Scikit-learn classifier of two classes, or a regressor of one number, fitted on a frame with the
            columns `feature_names`.
        feature_names: Columns that it needs, numeric, in order. A null is NaN and the pipeline's own business.
        held_out: Rows that it was not fitted on, with at least `feature_names`; more columns let a former champion
            with other features be compared on the same rows.
        held_out_labels: Their labels: 1 or 0, or for a regression the numbers.
        parameters: What the training was told.
        metrics: What it measured, beside `gate`, which the registry measures itself.
        gate: The figure by which challenger and champion are compared; a regression must name one, such as `RMSE`.

    Raises:
        DeclarationError: a pipeline that gives no score, a gate that is no figure of its kind, or held-out rows that
            cannot be judged: none, without a feature, or without a label that fits.
    """

    pipeline: Any
    feature_names: tuple[str, ...]
    held_out: "DataFrame"
    held_out_labels: "Series"
    parameters: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    gate: Metric = AUC

    def __post_init__(self) -> None:
        """Refuse what the gate could not judge, or would judge wrongly without a word."""
        classifier = is_classifier(self.pipeline)
        if self.gate.needs_classifier and not classifier:
            raise DeclarationError(
                f"the gate of a regression compares predicted numbers: expected a metric such as RMSE, MAE or R2, "
                f"got `{self.gate.name}` for {estimator_name(self.pipeline)}. Name it: `Trained(..., gate=RMSE)`."
            )
        missing = [name for name in self.feature_names if name not in self.held_out.columns]
        if missing:
            raise DeclarationError(f"`Trained.held_out` has no column {', '.join(missing)}, which the model needs")
        rows, labels = len(self.held_out), len(self.held_out_labels)
        if rows == 0 or rows != labels:
            raise DeclarationError(
                f"the gate judges a model by rows that it has not seen: expected at least one in `Trained.held_out`, "
                f"each with its label in `Trained.held_out_labels`, got {rows} rows and {labels} labels"
            )
        self._refuse_labels(classifier)

    def _refuse_labels(self, classifier: bool) -> None:
        """Refuse labels that are no numbers, or not 0 or 1 where a probability is compared with them."""
        import numpy as np
        import pandas as pd

        labels = pd.Series(self.held_out_labels)
        try:
            numbers = labels.to_numpy(dtype=np.float64, na_value=np.nan)
        except (TypeError, ValueError):
            numbers = np.full(len(labels), np.nan)
        fits = np.isin(numbers, (0.0, 1.0)) if classifier else np.isfinite(numbers)
        if not fits.all():
            expected = "0 or 1 for a classifier" if classifier else "finite numbers for a regression"
            raise DeclarationError(
                f"`Trained.held_out_labels`: expected {expected}, got others in {int((~fits).sum())} of {len(fits)} "
                f"rows (type {labels.dtype}). Convert them, and leave rows without a label out."
            )


@dataclass(frozen=True)
class Dataset:
    """A table at a version, as a model was trained on it.

    Args:
        table: `layer.entities`.
        version: Delta's.
        path: Where its files are.
        digest: Of the content.
        rows: How many.
        columns: Names and types.
        table_id: Delta's id of the table; None where it is not known.
    """

    table: str
    version: int
    path: str
    digest: str
    rows: int
    columns: Mapping[str, str]
    table_id: str | None = None


@dataclass(frozen=True)
class Origin:
    """What a model was made from.

    Args:
        datasets: The tables.
        code: Digest of the training's source.
        commit: Commit of the checkout; None outside one.
    """

    datasets: tuple[Dataset, ...]
    code: str
    commit: str | None = None

    @property
    def versions(self) -> dict[str, int]:
        """Delta version by table."""
        return {dataset.table: dataset.version for dataset in self.datasets}

    @property
    def table_ids(self) -> dict[str, str]:
        """Delta's ids of the tables, by table."""
        return {dataset.table: dataset.table_id for dataset in self.datasets if dataset.table_id}


def fingerprint(versions: Mapping[str, int], code: str) -> str:
    """One word for the Delta versions and the code of a training: equal words, equal models."""
    text = json.dumps({"versions": dict(versions), "code": code}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def is_held_out(ids: "Series", percent: int = 25) -> "Series":
    """Which rows never train, decided by each row's own id, so that a row keeps its side when others come.

    Args:
        ids: Ids of the rows.
        percent: Share of ids to hold out.

    Returns:
        Booleans, with the index of `ids`.
    """
    return ids.map(lambda id_: int.from_bytes(hashlib.sha256(str(id_).encode()).digest()[:8]) % 100 < percent).astype(
        bool
    )


def dataset_of(table: str, version: int, path: str, frame: "DataFrame", *, key: Sequence[str] = ()) -> Dataset:
    """Describe the rows that were read; the digest is of their content, whatever their order.

    Args:
        table: `layer.entities`.
        version: Delta's.
        path: Where the files are.
        frame: The rows.
        key: Columns for the digest; all of them if none are named.
    """
    from pandas.util import hash_pandas_object

    rows = hash_pandas_object(frame[list(key)] if key else frame, index=False)
    content = hashlib.sha256(rows.sort_values().to_numpy().tobytes()).hexdigest()[:32]
    columns = {str(name): str(kind) for name, kind in frame.dtypes.items()}
    return Dataset(table, version, path, content, len(frame), columns)
