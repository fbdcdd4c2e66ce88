"""Figures by which the gate compares models: a name, a function, and which way is better. Pure."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lakehouse.errors import DeclarationError

if TYPE_CHECKING:
    from numpy import ndarray
    from pandas import Series

    Figure = Callable[[Series, ndarray[Any, Any]], float]

# MLflow's own rule (mlflow/utils/validation.py, _VALID_PARAM_AND_METRIC_NAMES).
_LOGGED = re.compile(r"[/\w.\- :]*")


@dataclass(frozen=True)
class Metric:
    """A figure of a model on rows that it has not seen.

    Args:
        name: Its key in MLflow and in what the gate says, such as `rmse`.
        function: Gives the figure from the labels and the model's scores of the same rows: the probability of the
            positive class for a classifier, the predicted number for a regression.
        higher_is_better: Whether the greater of two figures is the better one.
        needs_classifier: Whether it is a figure of probabilities, and of labels that are 0 or 1.

    Raises:
        DeclarationError: a name that could not be logged.
    """

    name: str
    function: "Figure"
    higher_is_better: bool
    needs_classifier: bool = False

    def __post_init__(self) -> None:
        """Refuse a figure that could not be logged."""
        if not self.name.strip():
            raise DeclarationError("a metric needs a name, under which it is logged")
        if not _LOGGED.fullmatch(self.name):
            raise DeclarationError(
                f"a metric's name has letters, digits, spaces and `_ - . : /` only, so that MLflow logs it: "
                f"`{self.name}` has others"
            )

    def is_as_good(self, challenger: float, champion: float) -> bool:
        """Whether the challenger's figure is no worse than the champion's; both must be finite."""
        return challenger >= champion if self.higher_is_better else challenger <= champion


def _auc(labels: "Series", scores: "ndarray[Any, Any]") -> float:
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(labels, scores))


def _log_loss(labels: "Series", scores: "ndarray[Any, Any]") -> float:
    from sklearn.metrics import log_loss

    return float(log_loss(labels, scores, labels=[0, 1]))


def _rmse(labels: "Series", scores: "ndarray[Any, Any]") -> float:
    from sklearn.metrics import root_mean_squared_error

    return float(root_mean_squared_error(labels, scores))


def _mae(labels: "Series", scores: "ndarray[Any, Any]") -> float:
    from sklearn.metrics import mean_absolute_error

    return float(mean_absolute_error(labels, scores))


def _r2(labels: "Series", scores: "ndarray[Any, Any]") -> float:
    from sklearn.metrics import r2_score

    return float(r2_score(labels, scores))


AUC = Metric("auc", _auc, higher_is_better=True, needs_classifier=True)
LOG_LOSS = Metric("log_loss", _log_loss, higher_is_better=False, needs_classifier=True)
RMSE = Metric("rmse", _rmse, higher_is_better=False)
MAE = Metric("mae", _mae, higher_is_better=False)
R2 = Metric("r2", _r2, higher_is_better=True)
